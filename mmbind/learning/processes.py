"""Data parallelism: one training on several processes that torchrun starts.

Every process holds the whole network, draws the same batches and views, and computes the same
loss; only the encoders, where the time goes, are given a part of the windows each. Their features
are gathered, batch statistics are those of all windows (:mod:`mmbind.learning.layers`), and the
gradients are averaged (S. Li et al., "PyTorch Distributed", VLDB 2020). So a step is that of one
process but for the order in which sums are taken.

Without torchrun there is one process, and nothing here costs anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.autograd.function import once_differentiable

from mmbind.errors import MmbindError
from mmbind.files import digest_of


@dataclass(frozen=True)
class Part:
    """The windows of a batch that an encoder has in this process.

    Attributes:
        first: the first of them.
        stop: behind the last of them.
        windows: how many the batch has in all processes together.
    """

    first: int
    stop: int
    windows: int


#: How long processes wait for each other, e.g. for the one that waits for the study's lock. Where
#: one of them dies, torchrun ends the others.
PATIENCE = timedelta(days=1)

_PART: ContextVar[Part | None] = ContextVar("part", default=None)


@contextmanager
def joined_processes() -> Iterator[None]:
    """Joins the processes that torchrun started, by gloo; does nothing where it started one or none."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def leads() -> bool:
    """Whether this process is the one that writes and reports."""
    return processes() == 1 or dist.get_rank() == 0


def wait_for_all() -> None:
    """Returns when all processes have come this far."""
    if processes() > 1:
        dist.barrier()


def agree(on: object, what: str) -> None:
    """Refuses to go on where processes would train differently.

    Args:
        on: a JSON value that must be the same in all of them.
        what: it, in a few words, e.g. ``"data and parameters"``.

    Raises:
        MmbindError: in every process, when one of them has another value.
    """
    if processes() == 1:
        return
    own = torch.tensor([int(digest_of(on)[:15], 16)])
    found = [torch.empty_like(own) for _ in range(processes())]
    dist.all_gather(found, own)
    if any(not torch.equal(other, own) for other in found):
        raise MmbindError(
            f"The processes that train together do not agree on {what}.",
            hint="They need one study folder, which all of them see, the same version of mmbind and one type of CPU.",
        )


def part() -> Part | None:
    """The part of the windows that an encoder is given just now; None where it is given all."""
    return _PART.get()


def encode_in_parts(encoder: nn.Module, windows: Tensor) -> Tensor:
    """Features of all windows, each computed by one of the processes.

    Fewer windows than processes are encoded by each of them, and so are all where nothing is trained.

    Args:
        encoder: from (n, ...) to (n, features), float32 or bfloat16; the same in all processes.
        windows: (n, ...), the same in all processes.

    Returns:
        (n, features). Its gradient reaches the encoder of the process that computed it, times the
        number of processes: :func:`average_gradients` makes that the gradient of all windows.
    """
    number, count = processes(), len(windows)
    if number == 1 or count < number or not encoder.training:
        return cast(Tensor, encoder(windows))
    edges = [count * rank // number for rank in range(number + 1)]
    own = Part(edges[dist.get_rank()], edges[dist.get_rank() + 1], count)
    token = _PART.set(own)
    try:
        found = encoder(windows[own.first : own.stop])
    finally:
        _PART.reset(token)
    return cast(Tensor, _Gathered.apply(found.float(), edges))  # type: ignore[no-untyped-call]


def summed(values: Tensor) -> Tensor:
    """The sum over all processes, which gradients pass, too."""
    return cast(Tensor, _Summed.apply(values))  # type: ignore[no-untyped-call]


def average_gradients(module: nn.Module) -> None:
    """Gives every parameter the mean of its gradients in all processes."""
    if processes() == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    everything = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(everything)
    everything /= processes()
    means = torch.split(everything, [each.numel() for each in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


class _Gathered(torch.autograd.Function):
    """Rows of all processes, one after the other."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, edges: list[int]) -> Tensor:
        ctx.edges = edges
        sizes = [stop - first for first, stop in pairwise(edges)]
        padded = own.new_zeros(max(sizes), *own.shape[1:])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([found[:size] for found, size in zip(parts, sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        rank = dist.get_rank()
        return gradients[0][ctx.edges[rank] : ctx.edges[rank + 1]] * processes(), None


class _Summed(torch.autograd.Function):
    """A sum over processes, whose gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total

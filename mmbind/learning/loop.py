"""The training loop: a fixed schedule, repeatable to the bit, resumed after a kill.

All randomness of an epoch comes from (seed, epoch): the order of the samples, the
generator that the step receives, and torch's global generator that dropout reads. A
checkpoint therefore needs weights, optimiser moments and losses only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from mmbind.config import Schedule
from mmbind.errors import InputError, MmbindError
from mmbind.files import digest_of
from mmbind.learning.checkpoint import load_tensors, save_tensors
from mmbind.learning.compute import derived_seed
from mmbind.learning.processes import agree, average_gradients, leads
from mmbind.progress import progress

#: From sample positions (int64) and a seeded generator to a scalar loss.
Step = Callable[[Tensor, torch.Generator], Tensor]


class DivergedError(MmbindError):
    """A loss or a weight became NaN or infinite.

    Attributes:
        epoch: 0-based epoch.
        positions: sample positions of the step at fault; the caller knows their windows.
    """

    def __init__(self, what: str, epoch: int, positions: list[int]) -> None:
        """Names the work, the epoch and the first positions."""
        self.epoch, self.positions = epoch, positions
        shown = ", ".join(str(position) for position in positions[:8])
        more = f" and {len(positions) - 8} more" if len(positions) > 8 else ""
        super().__init__(
            f"{what}: the loss is not finite in epoch {epoch + 1}, samples at positions {shown}{more}.",
            hint="Look for NaN or extreme values in these windows, or lower the learning rate.",
        )


def fit(
    model: nn.Module,
    step: Step,
    *,
    samples: int,
    schedule: Schedule,
    seed: int,
    what: str,
    work: Path | None,
    checkpoint_every: int = 5,
) -> list[float]:
    """Trains a model with AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101), cosine rate to 0.

    An epoch visits every sample once, in batches as equal as they can be and no larger than
    ``schedule.batch``. A run that was killed and started again with the same arguments ends
    in the same bytes as an unbroken one.

    Args:
        model: trained in place; left in evaluation mode.
        step: returns the loss of some sample positions; all its randomness must come from
            the generator it receives or from torch's global one.
        samples: how many there are.
        schedule: epochs, batch, learning rate, weight decay.
        seed: of this piece of work.
        what: a few words for progress and messages.
        work: folder for the last checkpoint, None for no checkpoints. Its name must stand
            for data and parameters; a checkpoint of another schedule, seed or network is
            ignored. The caller removes it when its own outputs are written. Of several
            processes one writes it, and all read it.
        checkpoint_every: epochs between two checkpoints.

    Returns:
        The mean loss of every epoch.

    Raises:
        InputError: when there are no samples.
        DivergedError: when a loss or a weight is no longer finite.
        MmbindError: when one of several processes has another checkpoint.
    """
    if samples < 1:
        raise InputError(f"{what}: there are no samples to train on.")
    optimizer = AdamW(model.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True)
    identity = _identity(model, samples=samples, schedule=schedule, seed=seed)
    losses = [] if work is None else _resume(work, model, optimizer, identity)
    agree([identity, losses], f"where to go on ({what}, epoch {len(losses) + 1})")
    steps = math.ceil(samples / schedule.batch)
    model.train()
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        epochs = range(len(losses), schedule.epochs)
        for epoch in progress(epochs, what) if leads() else epochs:
            torch.manual_seed(derived_seed(seed, "global", epoch))
            generator = torch.Generator().manual_seed(derived_seed(seed, "step", epoch))
            order = torch.randperm(samples, generator=generator)
            total = 0.0
            for number, positions in enumerate(order.tensor_split(steps)):
                rate = _cosine(schedule.learning_rate, (epoch * steps + number) / (schedule.epochs * steps))
                for group in optimizer.param_groups:
                    group["lr"] = rate
                loss = step(positions, generator)
                value = loss.item()
                if not math.isfinite(value):
                    raise DivergedError(what, epoch, positions.tolist())
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                average_gradients(model)
                optimizer.step()
                total += value * len(positions)
            if not all(parameter.isfinite().all() for parameter in model.parameters()):
                raise DivergedError(what, epoch, positions.tolist())
            losses.append(total / samples)
            if work is not None and leads() and ((epoch + 1) % checkpoint_every == 0 or epoch + 1 == schedule.epochs):
                _save(work, model, optimizer, losses, identity)
    model.eval()
    return losses


def _cosine(rate: float, done: float) -> float:
    """Learning rate after a share of all steps (arXiv 1608.03983, equation 5, one cycle to 0)."""
    return rate * (1 + math.cos(math.pi * done)) / 2


def _identity(model: nn.Module, *, samples: int, schedule: Schedule, seed: int) -> str:
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    return digest_of([samples, schedule.model_dump(), seed, shapes])


def _save(work: Path, model: nn.Module, optimizer: AdamW, losses: list[float], identity: str) -> None:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    save_tensors(work, tensors, {"identity": identity, "losses": losses})


def _resume(work: Path, model: nn.Module, optimizer: AdamW, identity: str) -> list[float]:
    """Restores the last checkpoint, when there is one of this very work; returns its losses."""
    try:
        tensors, card = load_tensors(work)
    except InputError:
        return []
    if card.get("identity") != identity:
        return []
    model.load_state_dict({name[6:]: value for name, value in tensors.items() if name.startswith("model.")})
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, number, moment = name.split(".")
            state.setdefault(int(number), {})[moment] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return [float(loss) for loss in card["losses"]]

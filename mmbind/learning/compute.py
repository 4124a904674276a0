"""What numbers depend on beside data and parameters: threads, algorithms, random states."""

from __future__ import annotations

from typing import Any

import numba
import torch

from mmbind.config import Compute
from mmbind.files import digest_of
from mmbind.learning.processes import processes

#: Instructions that multiply bfloat16 with sums in float32, as torch names them.
NATIVE = ("avx512_bf16", "amx_bf16")


def deterministic(compute: Compute, seed: int) -> None:
    """Makes what follows in this process repeatable to the bit.

    Args:
        compute: its thread count is used; sums depend on it.
        seed: of torch's global generator, which initialises networks.
    """
    numba.get_num_threads()  # starts its threads: once, and that sets the OpenMP count, which is that of torch, too
    torch.set_num_threads(compute.threads)
    torch.use_deterministic_algorithms(True)
    # filling memory that is about to be written costs 7 % of a step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


def resolved(compute: Compute) -> dict[str, Any]:
    """The section as JSON values; its precision is the one that trainings have on this machine.

    Where several processes train together, their number is there, too.
    """
    found = {**compute.model_dump(mode="json"), "precision": "bfloat16" if half_precision(compute) else "float32"}
    return found if processes() == 1 else {**found, "processes": processes()}


def half_precision(compute: Compute) -> bool:
    """Whether encoders are trained in bfloat16, on this machine."""
    if compute.precision == "auto":
        found = torch.cpu.get_capabilities()
        return any(found.get(name, False) for name in NATIVE)
    return compute.precision == "bfloat16"


def derived_seed(seed: int, *parts: str | int) -> int:
    """A seed in [0, 2**63) for one part of a piece of work.

    It depends on its arguments alone, so a resumed run needs no stored random state and
    the order of calls does not matter.

    Args:
        seed: the seed of the whole.
        parts: what tells the part from others, e.g. ``("pretrain", epoch)``.
    """
    return int(digest_of([seed, *parts])[:16], 16) >> 1

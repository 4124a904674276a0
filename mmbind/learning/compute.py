"""What numbers depend on beside data and parameters: threads, algorithms, random states."""

from __future__ import annotations

import numba
import torch

from mmbind.config import Compute
from mmbind.files import digest_of


def deterministic(compute: Compute, seed: int) -> None:
    """Makes what follows in this process repeatable to the bit.

    Args:
        compute: its thread count is used; sums depend on it.
        seed: of torch's global generator, which initialises networks.
    """
    numba.get_num_threads()  # starts its threads: once, and that sets the OpenMP count, which is that of torch, too
    torch.set_num_threads(compute.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)


def derived_seed(seed: int, *parts: str | int) -> int:
    """A seed in [0, 2**63) for one part of a piece of work.

    It depends on its arguments alone, so a resumed run needs no stored random state and
    the order of calls does not matter.

    Args:
        seed: the seed of the whole.
        parts: what tells the part from others, e.g. ``("pretrain", epoch)``.
    """
    return int(digest_of([seed, *parts])[:16], 16) >> 1

"""Pieces of work timed in turn, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def seconds_of(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every piece, round after round, so that all see the same machine."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds_of(work))
    return times


def ratio(times: Mapping[str, list[float]], mine: str, floor: str) -> float:
    """How many times as long one piece takes as another, the median over rounds."""
    return median(one / other for one, other in zip(times[mine], times[floor], strict=True))

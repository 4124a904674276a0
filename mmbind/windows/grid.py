"""Where windows start, and at which times a window's samples lie.

All times are int64 nanoseconds and all divisions are whole, so a grid has the same bytes
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmbind.config import SlidingCut, TrialCut

Times = npt.NDArray[np.int64]

SECOND_NS = 1_000_000_000
#: Reading intervals that a recording may end before its last window does: the last reading
#: stands for one interval, and clocks jitter by up to half of one.
TAIL = 1.5

#: Why a recording gives no window.
NO_READINGS, TOO_SHORT, NO_OVERLAP = "no readings", "too short", "modalities do not overlap"


@dataclass(frozen=True)
class Span:
    """The time that one modality covers in one recording.

    Attributes:
        first: time of the first reading, ns.
        last: time of the last reading, ns.
        interval: typical time between two readings, ns.
    """

    first: int
    last: int
    interval: float


@dataclass(frozen=True)
class Cuts:
    """The windows of one recording.

    Attributes:
        starts: first moment of each window, int64 ns (windows,), ascending.
        length: duration of every window, ns.
        closed: whether the last sample lies on the window's end (a trial) or one step
            before it, where the next window begins (sliding).
    """

    starts: Times
    length: int
    closed: bool

    def step(self, steps: int) -> float:
        """Time between two samples of a window of so many steps, ns."""
        return self.length / (steps - 1 if self.closed else steps)

    def grid(self, steps: int) -> Times:
        """Times of all samples, int64 ns (windows, steps)."""
        offsets = np.arange(steps, dtype=np.int64) * self.length // (steps - 1 if self.closed else steps)
        return self.starts[:, None] + offsets


def cut(spans: Sequence[Span], how: TrialCut | SlidingCut) -> Cuts | str:
    """Cuts one recording.

    ``trial``: one window from the first reading to the last. ``sliding``: the first
    window starts where the last modality sets in, and windows follow at the stated hop, to
    both sides, as far as any modality has readings; a modality that is silent there is
    absent from those windows.

    Args:
        spans: what each modality of the recording covers.
        how: the cut of ``params.yaml``.

    Returns:
        The windows, or why there are none.
    """
    if not spans:
        return NO_READINGS
    begin = max(span.first for span in spans)
    earliest = min(span.first for span in spans)
    if isinstance(how, TrialCut):
        if all(span.first == span.last for span in spans):
            return TOO_SHORT
        if begin > min(span.last for span in spans):
            return NO_OVERLAP
        return Cuts(np.array([earliest], dtype=np.int64), max(span.last for span in spans) - earliest, closed=True)
    length, hop = round(how.length_s * SECOND_NS), round(how.hop_s * SECOND_NS)
    latest = max(span.last + int(TAIL * span.interval) for span in spans)
    before, after = (begin - earliest) // hop, (latest - length - begin) // hop
    starts = begin + hop * np.arange(-before, after + 1, dtype=np.int64)
    return Cuts(starts, length, closed=False) if len(starts) else TOO_SHORT

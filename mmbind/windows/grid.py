"""Where windows start, and at which times a window's samples lie.

All times are int64 nanoseconds and all divisions are whole, so a grid has the same bytes
everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmbind.config import EventCut, SlidingCut, TrialCut

Times = npt.NDArray[np.int64]

SECOND_NS = 1_000_000_000
#: Reading intervals that a recording may end before its last window does: the last reading
#: stands for one interval, and clocks jitter by up to half of one.
TAIL = 1.5

#: Why a recording gives no window.
NO_READINGS, TOO_SHORT, NO_OVERLAP = "no readings", "too short", "modalities do not overlap"
NO_EVENT = "no readings of the event's modality"


@dataclass(frozen=True)
class Span:
    """The time that one modality covers in one recording.

    Attributes:
        first: time of the first reading, ns.
        last: time of the last reading, ns.
        interval: typical time between two readings, ns.
        peak: time of the reading of largest magnitude, ns; None where nobody asked.
    """

    first: int
    last: int
    interval: float
    peak: int | None = None


@dataclass(frozen=True)
class Cuts:
    """The windows of one recording.

    Attributes:
        starts: first moment of each window, int64 ns (windows,), ascending.
        length: duration of every window, ns.
        closed: whether the last sample lies on the window's end (a trial) or one step
            before it, where the next window begins (sliding, event).
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


def cut(spans: Mapping[str, Span], how: TrialCut | SlidingCut | EventCut, *, shared: str) -> Cuts | str:
    """Cuts one recording.

    ``trial``: one window from the first reading to the last. ``sliding``: a window starts
    where the shared modality sets in (where the recording lacks it, where the last one
    does), and windows follow at the stated hop, to both sides, as far as any modality has
    readings; a modality that is silent there is absent from those windows. ``event``: one
    window around the largest magnitude of the event's modality, and where that is long enough
    (``tile_from_s``) others to both sides of it. Neither depends on when a modality sets in
    that a role may have to hide.

    Args:
        spans: what each modality of the recording covers.
        how: the cut of ``params.yaml``.
        shared: the modality that all roles show.

    Returns:
        The windows, or why there are none.
    """
    if not spans:
        return NO_READINGS
    found = list(spans.values())
    earliest = min(span.first for span in found)
    if isinstance(how, TrialCut):
        if all(span.first == span.last for span in found):
            return TOO_SHORT
        if max(span.first for span in found) > min(span.last for span in found):
            return NO_OVERLAP
        return Cuts(np.array([earliest], dtype=np.int64), max(span.last for span in found) - earliest, closed=True)
    length = round(how.length_s * SECOND_NS)
    if isinstance(how, EventCut):
        span = spans.get(how.modality)
        if span is None or span.peak is None:
            return NO_EVENT
        return Cuts(_tiled(_around(span.peak, span, length), span, length, how), length, closed=False)
    hop = round(how.hop_s * SECOND_NS)
    begin = spans[shared].first if shared in spans else max(span.first for span in found)
    latest = max(span.last + int(TAIL * span.interval) for span in found)
    before, after = (begin - earliest) // hop, (latest - length - begin) // hop
    starts = begin + hop * np.arange(-before, after + 1, dtype=np.int64)
    return Cuts(starts, length, closed=False) if len(starts) else TOO_SHORT


def _tiled(start: int, span: Span, length: int, how: EventCut) -> Times:
    """Starts of the event's window and, in a recording that is long enough, of those beside it."""
    stop = span.last + round(span.interval)
    if how.tile_from_s is None or stop - span.first < how.tile_from_s * SECOND_NS:
        return np.array([start], dtype=np.int64)
    before, after = max(start - span.first, 0) // length, max(stop - length - start, 0) // length
    starts: Times = start + length * np.arange(-before, after + 1, dtype=np.int64)
    return starts


def _around(event: int, span: Span, length: int) -> int:
    """Where a window around an event starts, moved inside the readings, or around the middle of too few."""
    stop = span.last + round(span.interval)
    if stop - span.first < length:
        return (span.first + stop - length) // 2
    return min(max(event - length // 2, span.first), stop - length)

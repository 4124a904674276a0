"""Repair: better times for readings whose number is right and whose single stamps are coarse.

All three rules work between pauses: readings that lie further apart than ``gap`` share
nothing. Stamps come ascending, repeats allowed; times leave strictly ascending but where
nothing tells the readings apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mmbind.sources.order import Times

Reals = npt.NDArray[np.float64]

#: Bunches over which their ticks are smoothed, and the least time, ns.
BUNCHES, SMOOTH_NS = 16, 2e9


def spread_ticks(stamps: Times, gap: int) -> Times:
    """Spreads readings of one stamp evenly until the next one (a clock of coarse steps).

    At both ends of a run a tick may be cut: with fewer readings than ticks usually have, the
    first one's lie at the usual spacing before the next tick, and the last one's behind their
    own. Readings whose only tick tells nothing of its length keep their stamp.

    Args:
        stamps: int64 ns (n,), ascending.
        gap: the longest time inside a run, ns.
    """
    begins = np.flatnonzero(np.diff(stamps, prepend=stamps[:1] - 1))
    sizes = np.diff(begins, append=len(stamps))
    ticks = stamps[begins]
    lengths = np.diff(ticks, append=ticks[-1:])
    inside = np.append(lengths[:-1] <= gap, False)
    if not inside.any():
        return stamps
    ends_run, opens_run = ~inside, np.append(True, ~inside[:-1])
    middle = ~ends_run & ~opens_run
    usual = float(np.median(lengths[inside]))
    full = float(np.median(sizes[middle])) if middle.any() else float(sizes[inside].max())
    spacing = np.where(ends_run, usual, lengths) / np.where(ends_run, np.maximum(sizes, full), sizes)
    late = opens_run & ~ends_run & (sizes <= full - 1)
    spacing[late] = lengths[late] / full
    shift = np.where(late, lengths - spacing * sizes, 0.0)
    place = np.arange(len(stamps)) - np.repeat(begins, sizes)
    within: Reals = np.repeat(shift, sizes) + place * np.repeat(spacing, sizes)
    return stamps + np.rint(within).astype(np.int64)


def spread_bursts(stamps: Times, gap: int) -> Times:
    """Spreads readings evenly at the rate at which bunches of them come.

    In each run, a reading's time is that of a straight line of time over number, fitted by
    least squares to the readings of about ``BUNCHES`` bunches around it (of two seconds, where
    bunches come faster): the line's middle is a moving mean, and the ends of a run lie on its
    first and its last line. So the rate may drift, and neither the jitter of ticks nor stamps
    inside a bunch matter.

    Args:
        stamps: int64 ns (n,), ascending.
        gap: the longest time inside a run, ns.
    """
    times = stamps.copy()
    for begin, end in _runs(stamps, gap):
        run = (stamps[begin:end] - stamps[begin]).astype(np.float64)
        count = len(run)
        mean = run[-1] / max(count - 1, 1)
        bunches = 1 + int((np.diff(run) > mean).sum())
        width = min(max(round(BUNCHES * count / bunches), round(SMOOTH_NS / max(mean, 1.0))), count)
        width -= 1 - width % 2
        if width >= 3:
            times[begin:end] = stamps[begin] + np.rint(_smooth(run, width)).astype(np.int64)
    return times


def spread_over(stamps: Times, gap: int) -> Times:
    """Spreads readings evenly from the first to the last stamp of each run.

    Args:
        stamps: int64 ns (n,), ascending.
        gap: the longest time inside a run, ns.
    """
    times = stamps.copy()
    for begin, end in _runs(stamps, gap):
        steps, length = np.arange(end - begin, dtype=np.int64), int(stamps[end - 1] - stamps[begin])
        whole, rest = divmod(length, max(end - begin - 1, 1))
        times[begin:end] = stamps[begin] + steps * whole + steps * rest // max(end - begin - 1, 1)
    return times


def _runs(stamps: Times, gap: int) -> list[tuple[int, int]]:
    pauses = (np.flatnonzero(np.diff(stamps) > gap) + 1).tolist()
    return list(zip([0, *pauses], [*pauses, len(stamps)], strict=True))


def _smooth(run: Reals, width: int) -> Reals:
    """Fits a line to ``width`` readings (odd) around each, float64 (n,)."""
    half = width // 2
    total = np.cumsum(np.concatenate([[0.0], run]))
    out = np.empty_like(run)
    out[half : len(run) - half] = (total[width:] - total[:-width]) / width
    places = np.arange(width) - half
    slopes = [float(places @ piece) / float(places @ places) for piece in (run[:width], run[-width:])]
    out[:half] = out[half] + places[:half] * slopes[0]
    out[len(run) - half :] = out[len(run) - half - 1] + places[half + 1 :] * slopes[1]
    return out

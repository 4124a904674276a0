"""Which label a window has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from mmbind.windows.grid import Times

#: Per label its intervals in a recording: starts and stops, int64 ns (intervals,), ascending.
Intervals = Mapping[str, tuple[Times, Times]]


def intervals_by_recording(labels: pl.DataFrame) -> dict[str, dict[str, tuple[Times, Times]]]:
    """Groups a table of label intervals (``schema.LABELS``) by recording and label."""
    grouped: dict[str, dict[str, tuple[Times, Times]]] = {}
    for (recording, label), part in labels.sort("start_ns").group_by(["recording", "label"], maintain_order=True):
        pair = part["start_ns"].to_numpy(), part["stop_ns"].to_numpy()
        grouped.setdefault(str(recording), {})[str(label)] = pair
    return grouped


def label_windows(intervals: Intervals, starts: Times, length: int, min_share: float) -> list[str | None]:
    """Gives each window the label that covers enough of it.

    Args:
        intervals: the recording's label intervals; those of one label do not overlap.
        starts: first moments of the windows, int64 ns (windows,).
        length: duration of every window, ns.
        min_share: share of the window that its label must cover, above one half.

    Returns:
        One label per window, None where no label covers enough.
    """
    found: list[str | None] = [None] * len(starts)
    best = np.zeros(len(starts), dtype=np.int64)
    for label, (begins, ends) in sorted(intervals.items()):
        covered = _labelled_until(begins, ends, starts + length) - _labelled_until(begins, ends, starts)
        for window in np.flatnonzero((covered >= min_share * length) & (covered > best)):
            found[window], best[window] = label, covered[window]
    return found


def _labelled_until(begins: Times, ends: Times, moments: Times) -> Times:
    """How long a label has held until each moment, int64 ns."""
    lengths = ends - begins
    before = np.concatenate([[0], np.cumsum(lengths)])
    number = np.searchsorted(begins, moments, side="right")
    last = np.maximum(number - 1, 0)
    running = np.minimum(moments - begins[last], lengths[last])
    total: Times = np.where(number > 0, before[last] + running, 0)
    return total

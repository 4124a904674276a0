"""Parts: a recording is split where all its modalities pause for too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """The parts of a recording.

    Attributes:
        starts: int64 ns, the first reading of each part.
        stops: int64 ns, just behind the last reading of each part (half open).
    """

    starts: Times
    stops: Times

    def of(self, times: Times) -> Times:
        """Which part each of some times (int64 ns, inside the parts) lies in, as int64."""
        return np.searchsorted(self.starts, times, side="right").astype(np.int64) - 1

    def then(self, later: Parts) -> Parts:
        """These parts and, behind them, those of a clock that was set back (earlier times perhaps)."""
        return Parts(np.append(self.starts, later.starts), np.append(self.stops, later.stops))


def split(times: Sequence[Times], max_gap_s: float) -> Parts:
    """Splits a recording.

    Args:
        times: per modality, int64 ns, increasing; at least one reading in all.
        max_gap_s: a longer pause splits.
    """
    merged = times[0]
    for other in times[1:]:
        if not np.array_equal(merged, other):
            merged = np.union1d(merged, other)
    last = np.flatnonzero(np.diff(merged) > max_gap_s * 1e9)
    return Parts(
        starts=merged[np.concatenate([[0], last + 1])], stops=merged[np.concatenate([last, [len(merged) - 1]])] + 1
    )

"""Parts: a recording is split where all its modalities pause for too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """The parts of a recording, or some of them that follow each other.

    Attributes:
        starts: int64 ns, the first reading of each part.
        stops: int64 ns, just behind the last reading of each part (half open).
        first: number of the first one.
    """

    starts: Times
    stops: Times
    first: int = 0

    def of(self, times: Times) -> Times:
        """The number of the part that each of some times (int64 ns, inside the parts) lies in, as int64."""
        return np.searchsorted(self.starts, times, side="right").astype(np.int64) - 1 + self.first


class Timeline:
    """The parts of a recording, while its readings come in, earlier ones first.

    A pause of all modalities is a pause between their runs of activity, so that single
    readings need not be merged: a run is what one modality logs without a pause.
    """

    def __init__(self, max_gap_s: float) -> None:
        """Starts a recording.

        Args:
            max_gap_s: a longer pause splits.
        """
        self._gap = max_gap_s * 1e9
        self._starts: list[int] = []
        self._last: list[int] = []
        self._broken = True

    def add(self, times: Sequence[Times]) -> Parts:
        """Takes the next readings, all of them later than those before unless the clock was set back.

        Args:
            times: per modality, int64 ns, increasing; at least one reading in all.

        Returns:
            The parts they lie in. The last one may go on: its stop is not final.
        """
        runs = [_runs(each, self._gap) for each in times if len(each)]
        starts, last = np.concatenate([run[0] for run in runs]), np.concatenate([run[1] for run in runs])
        order = np.argsort(starts, kind="stable")
        starts, last = starts[order], np.maximum.accumulate(last[order])
        new = np.append(True, starts[1:] - last[:-1] > self._gap)
        if not self._broken:
            new[0] = starts[0] - self._last[-1] > self._gap
        ends = last[np.append(new[1:], True)].tolist()
        if not new[0]:
            self._last[-1] = ends.pop(0)
        known = len(self._starts)
        first = known if new[0] else known - 1
        self._starts += starts[new].tolist()
        self._last += ends
        self._broken = False
        return self._since(first)

    def set_back(self) -> None:
        """The clock was set back: what follows is another part, whatever its times."""
        self._broken = True

    @property
    def parts(self) -> Parts:
        """All parts so far."""
        return self._since(0)

    def _since(self, first: int) -> Parts:
        starts = np.array(self._starts[first:], dtype=np.int64)
        return Parts(starts, np.array(self._last[first:], dtype=np.int64) + 1, first)


def _runs(times: Times, gap: float) -> tuple[Times, Times]:
    """First and last time of each run of readings without a pause."""
    pauses = np.flatnonzero(np.diff(times) > gap)
    return times[np.append(0, pauses + 1)], times[np.append(pauses, len(times) - 1)]

"""Signals in the order they come, on disk until they are sorted."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from mmbind.windows.store import Positions, Signals


class Spill:
    """A file of windows of one modality: appended to inside ``with``, read by row afterwards.

    Attributes:
        rows: for each planned window its row in the file, -1 where it has none; int64.
    """

    def __init__(self, path: Path, *, planned: int, steps: int, channels: int) -> None:
        """Starts an empty file for at most ``planned`` windows of (steps, channels)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows: Positions = np.full(planned, -1, dtype=np.int64)
        self._path, self._shape, self._length = path, (steps, channels), 0
        self._stream = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def append(self, planned: Positions, signals: Signals) -> None:
        """Adds the signals float32 (n, steps, channels) of planned windows (n,)."""
        self.rows[planned] = np.arange(self._length, self._length + len(planned))
        self._length += len(planned)
        self._stream.write(np.ascontiguousarray(signals).data)

    def read(self, planned: Positions) -> tuple[npt.NDArray[np.bool_], Signals]:
        """Which of the planned windows (n,) have signals, and those float32 (present, steps, channels)."""
        rows = self.rows[planned]
        present = rows >= 0
        signals = np.empty((int(present.sum()), *self._shape), dtype=np.float32)
        size = signals[:1].nbytes or 1
        # not by memory map: rows from all over the file would hold all of it in memory
        with self._path.open("rb", buffering=0) as file:
            for window, row in zip(signals, rows[present].tolist(), strict=True):
                file.seek(row * size)
                file.readinto(window.data)
        return present, signals

"""Signals that are gathered from where they lie: memory-mapped files, tensors, or several of them in a row.

Random batches are read window by window from the map (a contiguous ``.npy`` gives what memory gives,
once its pages are cached), so a training holds a batch, not its data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

#: Files of one modality that are mapped at the same time.
MAPPED = 128


class Signals(Protocol):
    """Windows of one modality by row; a tensor float32 (rows, steps, channels) is one too."""

    @property
    def shape(self) -> Sequence[int]:
        """(rows, steps, channels)."""

    def __len__(self) -> int:
        """The number of rows."""

    def __getitem__(self, rows: Tensor, /) -> Tensor:
        """Windows of some rows (int64), in the order asked for."""


class MappedSignals:
    """Windows in ``.npy`` files, one after another, read by memory map when they are asked for."""

    def __init__(self, files: Sequence[tuple[Path, int]], steps: int, channels: int) -> None:
        """Remembers the files; none is opened yet.

        Args:
            files: path and number of windows of each, float32 (windows, steps, channels).
            steps: samples per window.
            channels: of the modality.
        """
        self._paths = [path for path, _ in files]
        self._bounds = np.cumsum([0, *(count for _, count in files)])
        self.shape = (int(self._bounds[-1]), steps, channels)
        self._open: dict[int, npt.NDArray[np.float32]] = {}

    def __len__(self) -> int:
        """The number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Tensor, /) -> Tensor:
        """Windows of some rows (int64), in the order asked for."""
        wanted = rows.numpy()
        files = np.searchsorted(self._bounds, wanted, side="right") - 1
        out = np.empty((len(wanted), *self.shape[1:]), dtype=np.float32)
        for number in np.unique(files).tolist():
            here = files == number
            out[here] = self._mapped(number)[wanted[here] - self._bounds[number]]
        return torch.from_numpy(out)

    def _mapped(self, number: int) -> npt.NDArray[np.float32]:
        if number not in self._open:
            if len(self._open) >= MAPPED:
                del self._open[next(iter(self._open))]
            self._open[number] = np.asarray(np.load(self._paths[number], mmap_mode="r", allow_pickle=False))
        return self._open[number]


class StackedSignals:
    """Several signals of one shape, their rows numbered through."""

    def __init__(self, parts: Sequence[Signals]) -> None:
        """Remembers the parts, at least one; nothing is copied."""
        self._parts = list(parts)
        self._bounds = torch.tensor([0, *(len(part) for part in parts)]).cumsum(0)
        self.shape = (int(self._bounds[-1]), *self._parts[0].shape[1:])

    def __len__(self) -> int:
        """The number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Tensor, /) -> Tensor:
        """Windows of some rows (int64), in the order asked for."""
        owners = torch.searchsorted(self._bounds, rows, right=True) - 1
        out = torch.empty(len(rows), *self.shape[1:])
        for number in torch.unique(owners).tolist():
            here = owners == number
            out[here] = self._parts[number][rows[here] - self._bounds[number]]
        return out

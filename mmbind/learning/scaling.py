"""Per-channel z-scores, fitted on training data alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mmbind.errors import InputError

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of every channel.

    Attributes:
        mean: float32 (channels,), in the unit of the signals.
        deviation: float32 (channels,), in the unit of the signals, never 0.
    """

    mean: Floats
    deviation: Floats

    @classmethod
    def fit(cls, signals: Floats) -> Self:
        """Takes mean and deviation over windows and steps.

        Args:
            signals: float32 (windows, steps, channels). A channel that never changes gets
                the deviation 1.

        Raises:
            InputError: when there are no windows, or a value is NaN or infinite.
        """
        return cls.fit_blocks(lambda: [signals])

    @classmethod
    def fit_blocks(cls, blocks: Callable[[], Iterable[Floats]]) -> Self:
        """Like :meth:`fit`, over pieces that are read twice and need not be in memory together.

        Args:
            blocks: gives the same pieces each time, float32 (windows, steps, channels).

        Raises:
            InputError: when there are no windows, or a value is NaN or infinite.
        """
        count, sums = 0, np.zeros(0)
        for block in blocks():
            sums = block.sum(axis=(0, 1), dtype=np.float64) + (sums if count else 0.0)
            count += block.shape[0] * block.shape[1]
        if not count:
            raise InputError("A scaler cannot be fitted: there are no windows.")
        mean = sums / count
        squares = np.zeros_like(mean)
        for block in blocks():
            squares += np.square(block - mean).sum(axis=(0, 1))
        deviation = np.sqrt(squares / count)
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
            raise InputError(
                f"A scaler cannot be fitted: the window at position {_broken(blocks())} holds NaN or infinity."
            )
        constant = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
        return cls(mean.astype(np.float32), np.where(constant, 1.0, deviation).astype(np.float32))

    @classmethod
    def identity(cls, channels: int) -> Self:
        """A scaler that changes nothing, for a modality without training data."""
        return cls(np.zeros(channels, dtype=np.float32), np.ones(channels, dtype=np.float32))

    def apply(self, signals: Floats) -> Floats:
        """z-scores of float32 (..., channels); same shape, no unit."""
        return (signals - self.mean) / self.deviation

    def to_dict(self) -> dict[str, Any]:
        """A JSON value that :meth:`from_dict` turns back into the same float32 values."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`."""
        return cls(np.array(value["mean"], dtype=np.float32), np.array(value["deviation"], dtype=np.float32))


def _broken(blocks: Iterable[Floats]) -> int:
    """Position of the first window that holds NaN or infinity."""
    before = 0
    for block in blocks:
        bad = np.flatnonzero(~np.isfinite(block).all(axis=(1, 2)))
        if len(bad):
            return before + int(bad[0])
        before += len(block)
    return before

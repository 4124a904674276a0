"""Per-channel z-scores, fitted on training data alone."""

from __future__ import annotations

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
        if not signals.size:
            raise InputError("A scaler cannot be fitted: there are no windows.")
        mean = signals.mean(axis=(0, 1), dtype=np.float64)
        deviation = signals.std(axis=(0, 1), dtype=np.float64)
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
            window = int(np.flatnonzero(~np.isfinite(signals).all(axis=(1, 2)))[0])
            raise InputError(f"A scaler cannot be fitted: the window at position {window} holds NaN or infinity.")
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

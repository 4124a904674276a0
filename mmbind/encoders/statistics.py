"""Hand-made features: statistics of every channel, of its parts, and its spectrum.

The classical features of activity recognition (Bao & Intille, Pervasive 2004, section 3.2;
Figo et al., Personal and Ubiquitous Computing 2010, sections 3 and 4). They need no training,
and where few windows are at hand they find better partners than a network.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmbind.config import Shared
from mmbind.encoders.base import SharedEncoder
from mmbind.windows.store import ModalitySpec, Signals

Features = npt.NDArray[np.float64]

#: Shares of the sorted values that are described.
QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
#: Parts of the window that are described apart, so that order in time is kept.
SEGMENTS = 8
#: Bands of the spectrum, each wider than the one below by the same factor.
BANDS = 8
#: Added before logarithms, in the unit of the windows; for powers, in its square.
FLOOR, POWER_FLOOR = 1e-2, 1e-1
#: A feature that varies less, relative to its size, does not vary.
STILL = 1e-9


class Statistics(SharedEncoder):
    """Features with mean 0 and deviation 1 over all windows.

    Per channel: mean, log deviation, log mean step-to-step change, :data:`QUANTILES`, log
    power in :data:`BANDS` bands of the windowed spectrum, mean and log deviation of
    :data:`SEGMENTS` parts. What windows that are all alike have is kept as it is.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: ModalitySpec, shared: Shared) -> None:
        """Sets the buffers up."""
        super().__init__(spec, shared)
        self._dimensions: int = describe(np.zeros((1, spec.steps, len(spec.channels)), dtype=np.float32)).shape[1]
        self.register_buffer("mean", torch.zeros(self._dimensions, dtype=torch.float64))
        self.register_buffer("deviation", torch.ones(self._dimensions, dtype=torch.float64))

    @property
    def dimensions(self) -> int:
        """The number of features; depends on steps and channels alone."""
        return self._dimensions

    def learn(self, signals: Signals, work: Path | None) -> list[float]:
        """Takes mean and deviation of every feature."""
        features = describe(signals)
        mean, deviation = features.mean(axis=0), features.std(axis=0)
        still = deviation <= STILL * np.maximum(np.abs(mean), 1.0)
        if not still.all():
            self.mean.copy_(torch.from_numpy(mean))
        self.deviation.copy_(torch.from_numpy(np.where(still, 1.0, deviation)))
        return []

    def forward(self, signals: Tensor) -> Tensor:
        """Scaled features (windows, dimensions)."""
        features = torch.from_numpy(describe(signals.numpy()))
        return ((features - self.mean) / self.deviation).to(torch.float32)


def describe(windows: Signals) -> Features:
    """The features of windows, one by one.

    Args:
        windows: float32 (windows, steps, channels).

    Returns:
        float64 (windows, features).
    """
    values = windows.astype(np.float64)
    steps = values.shape[1]
    mean = values.mean(axis=1)
    changes = np.abs(np.diff(values, axis=1)).sum(axis=1) / max(steps - 1, 1)
    features = [mean, _log(values.std(axis=1)), _log(changes)]
    features += list(np.quantile(values, QUANTILES, axis=1))
    features += _bands(values - mean[:, None])
    for part in np.array_split(values, min(SEGMENTS, steps), axis=1):
        features += [part.mean(axis=1), _log(part.std(axis=1))]
    return np.concatenate(features, axis=1)


def _bands(centred: Features) -> list[Features]:
    """Log power per band; the first band starts at one period per window."""
    steps = centred.shape[1]
    taper = np.hanning(steps + 2)[1:-1, None]
    power = np.abs(np.fft.rfft(centred * taper, axis=1)) ** 2
    edges = np.unique(np.round(np.geomspace(1, steps // 2 + 1, BANDS + 1)).astype(int))
    return [np.log(power[:, low:high].sum(axis=1) + POWER_FLOOR) for low, high in pairwise(edges)]


def _log(spread: Features) -> Features:
    return np.log(spread + FLOOR)

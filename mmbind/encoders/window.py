"""The window itself as embedding: no training, every step counts where it stands.

The plain rival of every learned encoder. Its cosine is the correlation of two windows; with
the representation ``z_scored`` it is Pearson's, with ``vertical`` that of windows turned
upright.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from mmbind.config import Shared
from mmbind.encoders.base import SharedEncoder
from mmbind.learning.scaling import Scaler
from mmbind.windows.store import ModalitySpec, Signals


class Window(SharedEncoder):
    """z-scores per channel over all windows, flattened: steps x channels dimensions.

    Cheap to make and dear to search: the embedding is as long as the window.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: ModalitySpec, shared: Shared) -> None:
        """Sets the buffers up."""
        super().__init__(spec, shared)
        self.register_buffer("mean", torch.zeros(len(spec.channels)))
        self.register_buffer("deviation", torch.ones(len(spec.channels)))

    @property
    def dimensions(self) -> int:
        """Steps x channels."""
        return self.spec.steps * len(self.spec.channels)

    def learn(self, signals: Signals, work: Path | None) -> list[float]:
        """Takes mean and deviation of every channel; windows that are all alike keep their mean."""
        scaler = Scaler.fit(signals)
        if float(abs(signals - scaler.mean).max()) > 0:
            self.mean.copy_(torch.from_numpy(scaler.mean))
        self.deviation.copy_(torch.from_numpy(scaler.deviation))
        return []

    def forward(self, signals: Tensor) -> Tensor:
        """Scaled windows (windows, steps x channels)."""
        return ((signals - self.mean) / self.deviation).flatten(1)

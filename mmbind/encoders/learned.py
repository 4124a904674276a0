"""Base of the encoders that are trained: z-scores in, one schedule, embeddings without their mean."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import torch
from torch import Tensor

from mmbind.config import Shared
from mmbind.encoders.base import SharedEncoder
from mmbind.learning.loop import fit
from mmbind.learning.scaling import Scaler
from mmbind.windows.store import ModalitySpec, Signals

#: Windows that pass together to find the mean embedding.
BATCH = 256
#: Embeddings that differ less than this, relative to their mean, are all alike.
ALIKE = 1e-5


class LearnedEncoder(SharedEncoder):
    """An encoder with a loss over unlabelled windows.

    The origin of what a network makes is arbitrary, and cosines depend on it: embeddings are
    encodings minus the mean encoding of the training windows.
    """

    mean: Tensor
    deviation: Tensor
    origin: Tensor

    def __init__(self, spec: ModalitySpec, shared: Shared) -> None:
        """Sets scaling and origin up; networks are the subclass's."""
        super().__init__(spec, shared)
        channels = len(spec.channels)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.register_buffer("origin", torch.zeros(shared.dimensions))

    @abstractmethod
    def loss(self, scaled: Tensor, generator: torch.Generator) -> Tensor:
        """What training minimises.

        Args:
            scaled: float32 (windows, steps, channels), z-scored.
            generator: the only source of randomness.
        """

    @abstractmethod
    def encode(self, scaled: Tensor) -> Tensor:
        """Encodings (windows, dimensions) of z-scored windows (windows, steps, channels)."""

    def learn(self, signals: Signals, work: Path | None) -> list[float]:
        """Fits scaler, networks and origin; see :meth:`SharedEncoder.learn`."""
        scaler = Scaler.fit(signals)
        self.mean.copy_(torch.from_numpy(scaler.mean))
        self.deviation.copy_(torch.from_numpy(scaler.deviation))
        windows = torch.from_numpy(signals)

        def step(positions: Tensor, generator: torch.Generator) -> Tensor:
            return self.loss(self.scale(windows[positions]), generator)

        losses = fit(
            self,
            step,
            samples=len(windows),
            schedule=self.shared.schedule,
            seed=self.shared.seed,
            what=self.work_title,
            work=work,
        )
        self._centre(windows)
        return losses

    def forward(self, signals: Tensor) -> Tensor:
        """Centred encodings (windows, dimensions) of float32 (windows, steps, channels)."""
        return self.encode(self.scale(signals)) - self.origin

    def scale(self, signals: Tensor) -> Tensor:
        """z-scores per channel of float32 (windows, steps, channels).

        In inference they lie in memory channel by channel, as convolutions over time want them.
        """
        if not torch.is_inference_mode_enabled():
            return (signals - self.mean) / self.deviation
        windows, steps, channels = signals.shape
        scaled = signals.new_empty(windows, channels, steps)
        torch.sub(signals.transpose(1, 2), self.mean[:, None], out=scaled)
        return scaled.div_(self.deviation[:, None]).transpose(1, 2)

    def _centre(self, windows: Tensor) -> None:
        """Puts the origin at the mean encoding; windows that are all alike keep theirs."""
        with torch.inference_mode():
            codes = torch.cat([self.encode(self.scale(part)) for part in torch.split(windows, BATCH)])
            origin = codes.mean(dim=0)
            if (codes - origin).abs().max() > ALIKE * origin.abs().max():
                self.origin.copy_(origin)

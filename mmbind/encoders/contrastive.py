"""Contrastive encoder: two changed copies of a window are told from all other windows.

Sources: T. Chen et al., A Simple Framework for Contrastive Learning of Visual
Representations (SimCLR), ICML 2020, arXiv 2002.05709, equation 1; for accelerometers C. I.
Tang et al., Exploring Contrastive Learning in Human Activity Recognition for Healthcare,
2020, arXiv 2011.11542, whose changes of a window are drawn on here.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbind.config import Augment, Shared
from mmbind.encoders.base import SharedEncoder
from mmbind.learning.augment import augment
from mmbind.learning.loop import fit
from mmbind.learning.losses.contrastive import weighted_contrastive
from mmbind.learning.networks import ModalityEncoder
from mmbind.learning.scaling import Scaler
from mmbind.windows.store import ModalitySpec, Signals

#: How strongly the two copies are scaled, blurred and shifted.
CHANGES = Augment(scale=0.3, noise=0.1, shift=0.1)
#: Standard deviation of the logarithm of a copy's speed along the window.
WARP = 0.3
#: Points at which the speed is drawn; it is linear between them.
KNOTS = 4
#: Softmax temperature tau.
TEMPERATURE = 0.2
#: Windows that pass together to find the mean feature.
BATCH = 256


class Contrastive(SharedEncoder):
    """The encoder of the modalities (:class:`ModalityEncoder`) under the loss of SimCLR.

    Copies are scaled, shifted, blurred and played at an uneven speed: what the embedding
    must not see. A projection of two layers is trained with it and thrown away. Embeddings
    are features minus the mean feature of the training windows.
    """

    mean: Tensor
    deviation: Tensor
    origin: Tensor

    def __init__(self, spec: ModalitySpec, shared: Shared) -> None:
        """Sets the layers up from torch's global generator."""
        super().__init__(spec, shared)
        channels, size = len(spec.channels), shared.dimensions
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.register_buffer("origin", torch.zeros(size))
        self.features = ModalityEncoder(spec.steps, channels, shared.width, size)
        self.projection = nn.Sequential(nn.ReLU(), nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size))

    def learn(self, signals: Signals, work: Path | None) -> list[float]:
        """Fits scaler, features and projection; see :meth:`SharedEncoder.learn`."""
        scaler = Scaler.fit(signals)
        self.mean.copy_(torch.from_numpy(scaler.mean))
        self.deviation.copy_(torch.from_numpy(scaler.deviation))
        windows = torch.from_numpy(signals)

        def step(positions: Tensor, generator: torch.Generator) -> Tensor:
            scaled = (windows[positions] - self.mean) / self.deviation
            copies = torch.cat([changed(scaled, generator), changed(scaled, generator)])
            views = functional.normalize(self.projection(self.features(copies)), dim=1).reshape(2, len(positions), -1)
            everywhere = torch.ones(2, len(positions), dtype=torch.bool)
            return weighted_contrastive(views, everywhere, torch.ones(len(positions)), TEMPERATURE)

        losses = fit(
            self,
            step,
            samples=len(windows),
            schedule=self.shared.schedule,
            seed=self.shared.seed,
            what=self.work_title,
            work=work,
        )
        with torch.inference_mode():
            features = torch.cat([self._encode(part) for part in torch.split(windows, BATCH)])
            origin = features.mean(dim=0)
            if (features - origin).abs().max() > 1e-5 * origin.abs().max():
                self.origin.copy_(origin)
        return losses

    def forward(self, signals: Tensor) -> Tensor:
        """Centred features (windows, dimensions)."""
        return self._encode(signals) - self.origin

    def _encode(self, signals: Tensor) -> Tensor:
        return cast(Tensor, self.features((signals - self.mean) / self.deviation))


def changed(scaled: Tensor, generator: torch.Generator) -> Tensor:
    """A changed copy of every window: uneven speed, scale, shift and noise, each window by its own draw.

    Args:
        scaled: float32 (windows, steps, channels), z-scored.
        generator: the only source of randomness.

    Returns:
        float32 of the same shape.
    """
    windows, steps, _ = scaled.shape
    speed = torch.exp(WARP * torch.randn(windows, 1, KNOTS, generator=generator))
    speed = functional.interpolate(speed, size=steps, mode="linear", align_corners=True)[:, 0]
    place = speed.cumsum(dim=1) - speed
    place = place * ((steps - 1) / place[:, -1:].clamp_min(1e-6))
    low = place.floor().long().clamp_(0, max(steps - 2, 0))
    high = (low + 1).clamp_max(steps - 1)
    share = (place - low)[:, :, None]
    before = scaled.gather(1, low[:, :, None].expand_as(scaled))
    after = scaled.gather(1, high[:, :, None].expand_as(scaled))
    return augment(before + share * (after - before), CHANGES, generator)

"""Contrastive encoder: two changed copies of a window are told from all other windows.

Sources: T. Chen et al., A Simple Framework for Contrastive Learning of Visual
Representations (SimCLR), ICML 2020, arXiv 2002.05709, equation 1; for accelerometers C. I.
Tang et al., Exploring Contrastive Learning in Human Activity Recognition for Healthcare,
2020, arXiv 2011.11542, whose changes of a window are drawn on here.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbind.config import Augment, Shared
from mmbind.encoders.learned import LearnedEncoder
from mmbind.learning.augment import augment
from mmbind.learning.losses.contrastive import weighted_contrastive
from mmbind.learning.networks import ModalityEncoder
from mmbind.windows.store import ModalitySpec

#: How strongly the two copies are scaled, blurred and shifted.
CHANGES = Augment(scale=0.3, noise=0.1, shift=0.1)
#: Standard deviation of the logarithm of a copy's speed along the window.
WARP = 0.3
#: Points at which the speed is drawn; it is linear between them.
KNOTS = 4
#: Softmax temperature tau.
TEMPERATURE = 0.2


class Contrastive(LearnedEncoder):
    """The encoder of the modalities (:class:`ModalityEncoder`) under the loss of SimCLR.

    Copies are scaled, shifted, blurred and played at an uneven speed: what the embedding
    must not see. A projection of two layers is trained with it and thrown away.
    """

    def __init__(self, spec: ModalitySpec, shared: Shared) -> None:
        """Sets the layers up from torch's global generator."""
        super().__init__(spec, shared)
        channels, size = len(spec.channels), shared.dimensions
        self.features = ModalityEncoder(spec.steps, channels, shared.width, size)
        self.projection = nn.Sequential(nn.ReLU(), nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size))

    def loss(self, scaled: Tensor, generator: torch.Generator) -> Tensor:
        """Tells two changed copies of a window from all others."""
        copies = torch.cat([changed(scaled, generator), changed(scaled, generator)])
        views = functional.normalize(self.projection(self.features(copies)), dim=1).reshape(2, len(scaled), -1)
        everywhere = torch.ones(2, len(scaled), dtype=torch.bool)
        return weighted_contrastive(views, everywhere, torch.ones(len(scaled)), TEMPERATURE)

    def encode(self, scaled: Tensor) -> Tensor:
        """Features; see :meth:`LearnedEncoder.encode`."""
        return cast(Tensor, self.features(scaled))


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

"""Masked autoencoder: windows with holes as codes that fill the holes.

Sources: K. He et al., Masked Autoencoders Are Scalable Vision Learners, CVPR 2022, arXiv
2111.06377, and for accelerometers H. Haresamudram et al., Masked reconstruction based
self-supervision for human activity recognition, ISWC 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmbind.encoders.autoencoder import Autoencoder

#: Share of a window's patches that a training step hides.
HIDDEN = 0.5
#: Patches that a window is divided into.
PATCHES = 12


class MaskedAutoencoder(Autoencoder):
    """The network of :class:`Autoencoder`, trained to restore the steps that it cannot see.

    Every step of training hides half of the patches of every window (all channels at once;
    zeros are the mean of a z-score) and counts the squared error there alone. The network is
    a convolution over whole windows, so hidden patches are filled, not left out as in the
    transformer of He et al. Windows are embedded with nothing hidden.
    """

    def loss(self, scaled: Tensor, generator: torch.Generator) -> Tensor:
        """Mean squared error of the hidden steps."""
        hidden = hide(len(scaled), self.spec.steps, generator)[:, :, None]
        restored = self._decode(self.encode(scaled.masked_fill(hidden, 0.0)))
        errors = (restored - scaled) ** 2
        return (errors * hidden).sum() / (hidden.sum() * scaled.shape[2])


def hide(windows: int, steps: int, generator: torch.Generator) -> Tensor:
    """Draws which steps are hidden: the same number of patches of every window, at least one.

    Args:
        windows: how many.
        steps: per window.
        generator: the only source of randomness.

    Returns:
        bool (windows, steps).
    """
    patches = min(PATCHES, steps)
    count = max(1, round(HIDDEN * patches))
    ranks = torch.rand(windows, patches, generator=generator).argsort(dim=1).argsort(dim=1)
    patch_of_step = torch.arange(steps) * patches // steps
    return (ranks < count)[:, patch_of_step]

"""Two encoders of the shared modality, as a package of somebody else would offer them."""

import numpy as np
import torch

from mmbind.encoders.base import SharedEncoder


def means(windows, parts=4):
    """Means of equal parts of a window: a function from (n, steps, channels) to (n, dimensions)."""
    pieces = np.array_split(windows, parts, axis=1)
    return np.concatenate([piece.mean(axis=1) for piece in pieces], axis=1)


class Scaled(SharedEncoder):
    """The window, scaled by what it learned; its state is saved and loaded by mmbind."""

    def __init__(self, spec, shared):
        super().__init__(spec, shared)
        self.register_buffer("mean", torch.zeros(len(spec.channels)))

    @property
    def dimensions(self):
        return self.spec.steps * len(self.spec.channels)

    def learn(self, signals, work):
        self.mean.copy_(torch.from_numpy(signals.mean(axis=(0, 1))))
        return []

    def forward(self, signals):
        return (signals - self.mean).flatten(1)

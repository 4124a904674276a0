"""Decoders for rivals that reconstruct or generate windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from mmbind.windows.store import ModalitySpec

#: Units of the hidden layer.
HIDDEN = 256


class Decoders(nn.Module):
    """One decoder per modality: feature vectors to scaled windows; linear at the end, since z-scores are signed."""

    def __init__(self, specs: Mapping[str, ModalitySpec], names: Iterable[str], features: int) -> None:
        """Sets the layers up from torch's global generator.

        Args:
            specs: steps and channels by modality.
            names: the modalities to decode.
            features: size of the feature vectors.
        """
        super().__init__()
        self._shapes = {name: (specs[name].steps, len(specs[name].channels)) for name in sorted(names)}
        self.layers = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, steps * channels))
                for name, (steps, channels) in self._shapes.items()
            }
        )

    def decode(self, name: str, features: Tensor) -> Tensor:
        """Feature vectors (windows, features) to windows of a modality (windows, steps, channels)."""
        flat = cast(Tensor, self.layers[name](features))
        return flat.reshape(len(flat), *self._shapes[name])


def mean_error(errors: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean squared error over pairs of windows (reconstructed, true), each pair of one modality.

    Every modality counts as much as it has windows in the batch.
    """
    terms = [(a - b).square().mean(dim=(1, 2)) for a, b in errors if len(a)]
    return torch.cat(terms).mean() if terms else torch.zeros((), requires_grad=True)

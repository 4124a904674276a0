"""The encoder of MMBind's research code: convolutions over time and channels, then a GRU.

Source: the published code of X. Ouyang et al., MMBind, SenSys 2025 (arXiv 2411.12126), from its
description: convolutions 1 -> 64 (2 x 2) -> 32 -> 16 (1 x 1) with batch normalisation, ReLU and
dropout, whose 16 maps are the steps of a GRU of two layers with 120 units. Nothing of that code
is used. Its heads are replaced by the linear layer that all our encoders end in.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mmbind.learning.layers import BatchNorm, Dropout
from mmbind.learning.networks import refuse_other_shapes

#: Units of a GRU layer, and how many layers there are.
UNITS, LAYERS = 120, 2


class RecurrentEncoder(nn.Module):
    """Windows of one modality to feature vectors, by convolutions and a GRU over feature maps.

    Width 64 gives the sizes of the research code; 32 and 16 are its half and its quarter. A
    modality of one channel is convolved over time alone.

    Example:
        >>> import torch
        >>> RecurrentEncoder(steps=120, channels=3, width=64, features=128)(torch.zeros(2, 120, 3)).shape
        torch.Size([2, 128])
    """

    def __init__(self, steps: int, channels: int, width: int, features: int, dropout: float = 0.0) -> None:
        """Sets the layers up from torch's global generator.

        Args:
            steps: samples per window, at least 2.
            channels: channels of the modality.
            width: maps of the first convolution; the others have a half and a quarter.
            features: size of the feature vector.
            dropout: share of the values that a training step hides, behind each convolution.
        """
        super().__init__()
        self.steps, self.channels, self.features = steps, channels, features
        across = min(2, channels)
        self.first = nn.Conv2d(1, width, (2, across), bias=False)
        self.rest = nn.ModuleList([nn.Conv1d(width, width // 2, 1, bias=False), nn.Conv1d(width // 2, width // 4, 1)])
        self.norms = nn.ModuleList([BatchNorm(width), BatchNorm(width // 2), BatchNorm(width // 4)])
        self.hide = Dropout(dropout)
        self.gru = nn.GRU((steps - 1) * (channels - across + 1), UNITS, LAYERS, batch_first=True)
        self.last = nn.Linear(UNITS * (width // 4), features)

    def forward(self, signals: Tensor) -> Tensor:
        """Encodes scaled windows.

        Args:
            signals: float32 (windows, steps, channels), z-scored.

        Returns:
            float32 (windows, features).

        Raises:
            ValueError: for windows of another shape.
        """
        refuse_other_shapes(signals, self.steps, self.channels)
        maps = self.hide(self.norms[0](self.first(signals[:, None]).flatten(2)).relu())
        for convolution, norm in zip(self.rest, list(self.norms)[1:], strict=True):
            maps = self.hide(norm(convolution(maps)).relu())
        if maps.is_cuda:  # where autocast would take float16 for it, whatever it is asked for
            with torch.autocast("cuda", enabled=False):
                states, _ = self.gru(maps.float())
        else:
            states, _ = self.gru(maps)
        return cast(Tensor, self.last(states.flatten(1)))

"""A small Transformer over patches of a window (Vaswani et al. 2017, arXiv 1706.03762).

Layers normalise first (Xiong et al. 2020, arXiv 2002.04745); a token is a short piece of the
window, all channels at once.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from mmbind.learning.layers import Dropout
from mmbind.learning.networks import refuse_other_shapes

#: Steps of a window that make one token.
PATCH = 4
#: Layers, and the heads of each; fewer where the width cannot be divided by them.
DEPTH, HEADS = 2, 4
#: Size of a layer's inner vector, in widths.
EXPANSION = 2


class AttentionEncoder(nn.Module):
    """Windows of one modality to feature vectors, by attention over patches.

    Patches of :data:`PATCH` steps become tokens of ``width`` values and are told their place by a
    learnt vector; :data:`DEPTH` layers; the mean over the tokens; one linear layer. Where the
    steps are no multiple of the patch, the last step is repeated.

    Example:
        >>> AttentionEncoder(steps=120, channels=3, width=64, features=128)(torch.zeros(2, 120, 3)).shape
        torch.Size([2, 128])
    """

    def __init__(self, steps: int, channels: int, width: int, features: int, dropout: float = 0.0) -> None:
        """Sets the layers up from torch's global generator.

        Args:
            steps: samples per window.
            channels: channels of the modality.
            width: size of a token.
            features: size of the feature vector.
            dropout: share of the values that a training step hides, in every layer and behind the mean.
        """
        super().__init__()
        self.steps, self.channels, self.features = steps, channels, features
        self.tokens = -(-steps // PATCH)
        self.patches = nn.Linear(PATCH * channels, width)
        self.places = nn.Parameter(0.02 * torch.randn(self.tokens, width))
        self.layers = nn.ModuleList([_Layer(width, dropout) for _ in range(DEPTH)])
        self.norm = nn.LayerNorm(width)
        self.hide = Dropout(dropout)
        self.last = nn.Linear(width, features)

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
        if missing := self.tokens * PATCH - self.steps:
            signals = torch.cat([signals, signals[:, -1:].expand(-1, missing, -1)], dim=1)
        values = self.patches(signals.reshape(-1, self.tokens, PATCH * self.channels)) + self.places
        for layer in self.layers:
            values = layer(values)
        return cast(Tensor, self.last(self.hide(self.norm(values).mean(dim=1))))


class _Layer(nn.Module):
    """Attention and a two-layer perceptron, each normalised before and added to its input."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.heads = next(heads for heads in (HEADS, 2, 1) if width % heads == 0)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, EXPANSION * width), nn.Linear(EXPANSION * width, width)
        self.hide = Dropout(dropout)

    def forward(self, values: Tensor) -> Tensor:
        windows, tokens, width = values.shape
        parts = self.asked(self.before(values)).view(windows, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        exact = sdpa_kernel(SDPBackend.MATH) if values.is_cuda else nullcontext()  # what repeats to the bit on a GPU
        with exact:
            mixed = functional.scaled_dot_product_attention(query, key, value)
        values = values + self.hide(self.answer(mixed.transpose(1, 2).reshape(windows, tokens, width)))
        return cast(Tensor, values + self.hide(self.narrow(functional.gelu(self.wide(self.between(values))))))

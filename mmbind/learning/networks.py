"""The usual encoder of a modality: a 1-D convolutional network over time."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from mmbind.learning.convolution import Convolution
from mmbind.learning.layers import BatchNorm, Dropout, SegmentMaxima

#: Parts of the window whose maxima are taken apart, so that coarse order in time is kept.
SEGMENTS = 2


class ModalityEncoder(nn.Module):
    """Windows of one modality to feature vectors.

    Three strided convolutions (each halves the time axis), batch normalisation and ReLU,
    maxima over :data:`SEGMENTS` parts of the window, dropout, one linear layer.

    Pooling and segments were chosen on UTD-MHAD, from scratch on 54 labels, on the subject
    pairs target/test 1,3/5,7; 2,6/4,8; 5,8/1,6; 4,7/2,3 alone, which no reported rotation
    uses: mean accuracy .842 (maxima of 2 parts), .818 (of 4), .814 (of 1), .814 (means of 4).

    Example:
        >>> ModalityEncoder(steps=120, channels=3, width=64, features=128)(torch.zeros(2, 120, 3)).shape
        torch.Size([2, 128])
    """

    def __init__(self, steps: int, channels: int, width: int, features: int, dropout: float = 0.0) -> None:
        """Sets the layers up from torch's global generator.

        Args:
            steps: samples per window.
            channels: channels of the modality.
            width: channels of the first two convolutions; the last has twice as many.
            features: size of the feature vector.
            dropout: share of the pooled values that a training step hides.
        """
        super().__init__()
        self.steps, self.channels, self.features = steps, channels, features
        self.layers = nn.Sequential(
            *_block(channels, width, kernel=7),
            *_block(width, width, kernel=5),
            *_block(width, 2 * width, kernel=3),
            SegmentMaxima(SEGMENTS),
            nn.Flatten(),
            Dropout(dropout),
            nn.Linear(2 * width * SEGMENTS, features),
        )

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
        return cast(Tensor, self.layers(signals.transpose(1, 2)))


def refuse_other_shapes(signals: Tensor, steps: int, channels: int) -> None:
    """Refuses windows that are not (windows, steps, channels).

    Raises:
        ValueError: with both shapes.
    """
    if signals.ndim != 3 or signals.shape[1:] != (steps, channels):
        raise ValueError(f"expected (windows, {steps}, {channels}), found {tuple(signals.shape)}")


def _block(inputs: int, outputs: int, kernel: int) -> tuple[nn.Module, ...]:
    return Convolution(inputs, outputs, kernel), BatchNorm(outputs), nn.ReLU()

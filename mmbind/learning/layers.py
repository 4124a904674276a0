"""Layers that see a whole batch where processes share it, and repeat themselves to the bit on any device."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbind.learning.processes import Part, part, summed


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that takes its running statistics where a batch holds one value.

    Where processes share a batch, its statistics are those of all its windows.
    """

    # always kept here
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, values: Tensor) -> Tensor:
        """Normalises (windows, channels, positions), in the layout that they lie in."""
        windows, channels, positions = values.shape
        if self.training and (own := part()) is not None:
            return self._shared(values, own)
        if windows * positions > 1:
            last = values.transpose(1, 2)
            if not (channels > 1 and last.is_contiguous()):
                return super().forward(values)
            return super().forward(last.reshape(-1, channels)).view(last.shape).transpose(1, 2)
        return functional.batch_norm(values, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)

    def _shared(self, values: Tensor, own: Part) -> Tensor:
        """Normalises by the mean and the variance of the windows of all processes."""
        count, found = own.windows * values.shape[2], values.float()
        mean = summed(found.sum(dim=(0, 2))) / count
        centred = found - mean[:, None]
        variance = summed(centred.square().sum(dim=(0, 2))) / count
        with torch.no_grad():
            self._keep(mean, variance * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None] + self.bias[:, None]).to(values.dtype)

    def _keep(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics towards those of a batch, as ``nn.BatchNorm1d`` does."""
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class Dropout(nn.Dropout):
    """Dropout that hides the same values whether or not processes share a batch."""

    def forward(self, values: Tensor) -> Tensor:
        """Hides a share of the values of (windows, ...) and scales the others up."""
        own = part()
        if not self.training or own is None or not self.p:
            return super().forward(values)
        everything = values.new_ones(own.windows, *values.shape[1:])
        return values * functional.dropout(everything, self.p)[own.first : own.stop]


class SegmentMaxima(nn.Module):
    """Maxima over parts of a window, those of ``nn.AdaptiveMaxPool1d``.

    Attributes:
        always_sliced: whether the parts are cut out one by one also on a CPU, where this is slower. Elsewhere they
            always are: PyTorch's gradient does not repeat to the bit on a GPU, and ONNX has no such pooling. Equal
            maxima of a part then share the gradient, all of which goes to the first otherwise.
    """

    def __init__(self, segments: int) -> None:
        """Keeps the number of parts."""
        super().__init__()
        self.segments, self.always_sliced = segments, False

    def forward(self, values: Tensor) -> Tensor:
        """Maxima (windows, channels, segments) of (windows, channels, steps)."""
        if values.device.type == "cpu" and not self.always_sliced:
            return functional.adaptive_max_pool1d(values, self.segments)
        steps, parts = values.shape[2], self.segments
        edges = [(at * steps // parts, -(-(at + 1) * steps // parts)) for at in range(parts)]
        return torch.stack([values[..., first:stop].amax(dim=-1) for first, stop in edges], dim=-1)

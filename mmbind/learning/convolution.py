"""Strided convolution over time as matrix products, for CPUs that multiply bfloat16 natively.

PyTorch's convolution gains little from bfloat16 on the short windows and few channels here:
most of its time goes into other layouts of its inputs. With time before channels, the values
under the kernel are one contiguous piece of a window, so that a convolution and both its
gradients are plain matrix products (K. Chellapilla, S. Puri and P. Simard, "High performance
convolutional neural networks for document processing", IWFHR 2006, section 3), which a CPU
computes at its full rate: sums in float32, factors and results in bfloat16.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

#: Steps between two positions of the kernel; the gradient is written for even and odd steps.
STRIDE = 2


class Convolution(nn.Conv1d):
    """A convolution over time with stride :data:`STRIDE`, padded by half its kernel, without bias.

    Under the CPU's autocast it works as matrix products; its results then lie in memory with time before
    channels, whatever their shape says. Weights are those of ``nn.Conv1d``.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        """Sets the weights up from torch's global generator.

        Args:
            inputs: channels of what comes in.
            outputs: channels of what goes out.
            kernel: steps under the kernel, odd.
        """
        super().__init__(inputs, outputs, kernel, stride=STRIDE, padding=kernel // 2, bias=False)

    def forward(self, signals: Tensor) -> Tensor:
        """Convolves (windows, inputs, steps) to (windows, outputs, half the steps, rounded up)."""
        if not torch.is_autocast_enabled("cpu"):
            return super().forward(signals)
        half = torch.get_autocast_dtype("cpu")
        convolved = _Products.apply(signals.transpose(1, 2).to(half), self.weight)  # type: ignore[no-untyped-call]
        return cast(Tensor, convolved).transpose(1, 2)


class _Products(torch.autograd.Function):
    """(windows, steps, inputs) and (outputs, inputs, kernel) to (windows, positions, outputs)."""

    @staticmethod
    def forward(ctx: Any, signals: Tensor, weight: Tensor) -> Tensor:
        windows, steps, inputs = signals.shape
        outputs, _, kernel = weight.shape
        positions = (steps - 1) // STRIDE + 1
        patches = _patches(signals, kernel, STRIDE, kernel // 2, positions)
        factor = weight.to(signals.dtype)
        ctx.save_for_backward(patches, factor)
        ctx.steps, ctx.stored = steps, weight.dtype
        return (patches @ factor.permute(2, 1, 0).reshape(kernel * inputs, outputs)).view(windows, positions, outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:
        patches, weight = ctx.saved_tensors
        outputs, inputs, kernel = weight.shape
        gradient = gradients[0].contiguous()
        of_weight = (patches.T @ gradient.flatten(0, 1)).view(kernel, inputs, outputs).permute(2, 1, 0)
        of_signals = _of_signals(gradient, weight, ctx.steps) if ctx.needs_input_grad[0] else None
        return of_signals, of_weight.to(ctx.stored)


def _of_signals(gradient: Tensor, weight: Tensor, steps: int) -> Tensor:
    """The gradient by the signals: two steps at once, as what a convolution without gaps gives.

    Step n lies under tap j of position i where n + padding = 2 i + j. Taps are taken in pairs, of which the first
    meets even steps and the second odd ones, with a tap of zeros before or behind where pairs need one: steps 2 h and
    2 h + 1 then meet pair m at position i = h + shift - m.
    """
    outputs, inputs, kernel = weight.shape
    padding = kernel // 2
    missing = padding % STRIDE
    pairs = (missing + kernel + 1) // STRIDE
    taps = functional.pad(weight, (missing, STRIDE * pairs - missing - kernel)).view(outputs, inputs, pairs, STRIDE)
    factor = torch.cat([taps[:, :, pair].transpose(1, 2) for pair in reversed(range(pairs))]).flatten(1)
    shift, count = (padding + missing) // STRIDE, (steps + 1) // STRIDE
    patches = _patches(gradient, pairs, 1, pairs - 1 - shift, count)
    return (patches @ factor).view(len(gradient), STRIDE * count, inputs)[:, :steps].contiguous()


def _patches(signals: Tensor, kernel: int, stride: int, before: int, positions: int) -> Tensor:
    """What lies under a kernel, (windows x positions, kernel x channels), zeros outside the window.

    Args:
        signals: (windows, steps, channels).
        kernel: steps under the kernel.
        stride: steps between two positions.
        before: zeros before the first step; steps to leave out where negative.
        positions: how many.
    """
    windows, steps, channels = signals.shape
    after = max(0, (positions - 1) * stride + kernel - before - steps)
    padded = functional.pad(signals, (0, 0, before, after)).contiguous()
    view = (windows, positions, kernel * channels)
    return padded.as_strided(view, (padded.shape[1] * channels, stride * channels, 1)).reshape(-1, view[2])

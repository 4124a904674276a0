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

    Under autocast it works as matrix products; its results then lie in memory with time before
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
    """The gradient by the signals: even and odd steps meet other parts of the kernel.

    Step n lies under tap j of position i where n + padding = 2 i + j, so that all steps of
    one parity meet the taps of one parity: a convolution of its own, without gaps.
    """
    outputs, inputs, kernel = weight.shape
    padding = kernel // 2
    found = gradient.new_zeros(len(gradient), steps, inputs)
    for parity in range(STRIDE):
        taps = weight[:, :, parity::STRIDE]
        first = (parity - padding) % STRIDE
        count = len(range(first, steps, STRIDE))
        if not (count and taps.shape[2]):
            continue
        before = taps.shape[2] - 1 - (first + padding - parity) // STRIDE
        patches = _patches(gradient, taps.shape[2], 1, before, count)
        factor = taps.flip(2).permute(2, 0, 1).reshape(taps.shape[2] * outputs, inputs)
        found[:, first::STRIDE] = (patches @ factor).view(len(gradient), count, inputs)
    return found


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

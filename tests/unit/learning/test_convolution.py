"""Convolution as matrix products is PyTorch's convolution, its gradients too."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from mmbind.learning.convolution import Convolution
from mmbind.learning.networks import ModalityEncoder

#: Relative size of half a step of bfloat16 (8 bits of mantissa), and a few roundings of it.
ROUNDING = 2**-8


def convolved(layer: Convolution, signals: torch.Tensor, half: bool) -> list[torch.Tensor]:
    """Result, gradient by the signals and by the weights."""
    layer.zero_grad()
    signals = signals.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        result = layer(signals.transpose(1, 2)).transpose(1, 2)
    torch.autograd.backward((result.float() * torch.linspace(-1, 1, result.numel()).view(result.shape)).sum())
    return [result.detach().float(), signals.grad, layer.weight.grad]


@settings(deadline=None, max_examples=60)
@given(
    steps=st.integers(1, 40),
    kernel=st.sampled_from([1, 3, 5, 7, 9]),
    channels=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    windows=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_any_shape_is_convolved_as_by_torch(
    steps: int, kernel: int, channels: tuple[int, int], windows: int, seed: int
) -> None:
    torch.manual_seed(seed)
    layer, signals = Convolution(*channels, kernel), torch.randn(windows, steps, channels[0])
    for ours, theirs in zip(convolved(layer, signals, True), convolved(layer, signals, False), strict=True):
        assert ours.shape == theirs.shape
        # a sum of n products rounds like its largest part; the bound is loose by design, a shift by one step is not
        assert (ours - theirs).abs().max() <= 8 * ROUNDING * (theirs.abs().max() + 1)


def test_powers_of_two_are_convolved_without_rounding() -> None:
    layer = Convolution(2, 3, 5)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        layer.weight.copy_(2.0 ** torch.randint(-1, 2, layer.weight.shape, generator=generator))
    signals = 2.0 ** torch.randint(-1, 2, (4, 9, 2), generator=generator)
    with torch.autocast("cpu", torch.bfloat16):
        ours = layer(signals.transpose(1, 2))
    assert torch.equal(ours.float(), layer(signals.transpose(1, 2)).bfloat16().float())


def test_without_autocast_nothing_is_rounded() -> None:
    layer, signals = Convolution(3, 4, 7), torch.randn(2, 3, 20)
    assert torch.equal(layer(signals), torch.nn.functional.conv1d(signals, layer.weight, stride=2, padding=3))


@pytest.mark.parametrize("channels", [1, 3, 20])
def test_an_encoder_says_nearly_the_same_in_bfloat16(channels: int) -> None:
    torch.manual_seed(0)
    encoder, windows = ModalityEncoder(50, channels, 16, 24), torch.randn(32, 50, channels)
    with torch.autocast("cpu", torch.bfloat16):
        ours = encoder(windows)
    theirs = encoder(windows)
    assert ours.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(ours.float(), theirs, dim=1).min() > 0.999
    torch.autograd.backward(ours.float().square().sum())
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in encoder.parameters())

"""The encoder takes any window size; augmentation is mild and comes from its generator alone."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from mmbind.config import Augment
from mmbind.learning.augment import augment
from mmbind.learning.networks import ModalityEncoder


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 130), st.integers(1, 7), st.integers(1, 3))
def test_any_window_gives_one_finite_vector_and_gradient(steps: int, channels: int, windows: int) -> None:
    torch.manual_seed(0)
    encoder = ModalityEncoder(steps, channels, width=4, features=6, dropout=0.3)
    vectors = encoder(torch.randn(windows, steps, channels))
    torch.autograd.backward(vectors.sum())
    assert vectors.shape == (windows, 6)
    assert vectors.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())


def test_a_window_is_encoded_alike_alone_and_among_others() -> None:
    torch.manual_seed(0)
    encoder = ModalityEncoder(24, 3, width=4, features=6, dropout=0.3).eval()
    windows = torch.randn(5, 24, 3)
    with torch.no_grad():
        assert torch.allclose(encoder(windows)[2], encoder(windows[2:3])[0], atol=1e-6)


def test_windows_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(windows, 24, 3\)"):
        ModalityEncoder(24, 3, width=4, features=6)(torch.zeros(2, 3, 24))


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.9), st.integers(0, 1000))
def test_augmentation_is_repeatable_and_keeps_the_shape(scale: float, noise: float, shift: float, seed: int) -> None:
    config = Augment(scale=scale, noise=noise, shift=shift)
    windows = torch.randn(3, 20, 2, generator=torch.Generator().manual_seed(1))
    original = windows.clone()
    first = augment(windows, config, torch.Generator().manual_seed(seed))
    torch.rand(3)
    assert torch.equal(first, augment(windows, config, torch.Generator().manual_seed(seed)))
    assert first.shape == windows.shape
    assert torch.equal(windows, original)


def test_no_augmentation_leaves_windows_as_they_are() -> None:
    windows = torch.randn(3, 20, 2)
    assert torch.equal(augment(windows, Augment(scale=0, noise=0, shift=0), torch.Generator()), windows)


def test_a_shift_moves_and_repeats_the_edge() -> None:
    ramp = torch.arange(10.0).view(1, 10, 1).repeat(50, 1, 1)
    moved = augment(ramp, Augment(scale=0, noise=0, shift=0.3), torch.Generator().manual_seed(0))
    offsets = set()
    for window in moved.squeeze(2).tolist():
        offset = round(5 - window[5])
        assert window == [float(min(max(step - offset, 0), 9)) for step in range(10)]
        offsets.add(offset)
    assert offsets == set(range(-3, 4))

"""The encoder takes any window size; augmentation is mild and comes from its generator alone."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from mmbind.config import Augment, Network
from mmbind.learning.augment import augment
from mmbind.learning.kinds import KINDS, encoder_of
from mmbind.learning.layers import SegmentMaxima


def encoder_like(kind: str, steps: int, channels: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return encoder_of(Network(kind=kind, width=4, features=6, dropout=0.3), steps, channels)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(KINDS)), st.integers(2, 130), st.integers(1, 7), st.integers(1, 3))
def test_any_window_gives_one_finite_vector_and_gradient(kind: str, steps: int, channels: int, windows: int) -> None:
    encoder = encoder_like(kind, steps, channels)
    vectors = encoder(torch.randn(windows, steps, channels))
    torch.autograd.backward(vectors.sum())
    assert vectors.shape == (windows, 6)
    assert vectors.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_window_is_encoded_alike_alone_and_among_others(kind: str) -> None:
    encoder = encoder_like(kind, 24, 3).eval()
    windows = torch.randn(5, 24, 3)
    with torch.no_grad():
        assert torch.allclose(encoder(windows)[2], encoder(windows[2:3])[0], atol=1e-6)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_order_in_time_counts(kind: str) -> None:
    encoder = encoder_like(kind, 24, 3).eval()
    windows = torch.randn(2, 24, 3)
    with torch.no_grad():
        assert not torch.allclose(encoder(windows), encoder(windows.flip(1)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_windows_of_another_shape_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"expected \(windows, 24, 3\)"):
        encoder_like(kind, 24, 3)(torch.zeros(2, 3, 24))


def test_the_recurrent_encoder_has_the_sizes_of_the_research_code() -> None:
    encoder = encoder_of(Network(kind="cnn_gru", width=64, features=128), 120, 6)
    shapes = {name: tuple(value.shape) for name, value in encoder.named_parameters()}
    assert shapes["first.weight"] == (64, 1, 2, 2)
    assert shapes["rest.0.weight"][:2] == (32, 64)
    assert shapes["rest.1.weight"][:2] == (16, 32)
    assert shapes["gru.weight_hh_l1"] == (3 * 120, 120)
    assert shapes["last.weight"] == (128, 1920)


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


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 3))
def test_maxima_cut_out_one_by_one_are_those_of_the_pooling(steps: int, parts: int) -> None:
    whole = torch.randn(3, 2, steps, requires_grad=True)
    sliced = whole.detach().clone().requires_grad_()
    pool, slices = SegmentMaxima(parts), SegmentMaxima(parts)
    slices.always_sliced = True
    found, cut = pool(whole), slices(sliced)
    torch.autograd.backward([found.square().sum(), cut.square().sum()])
    assert torch.equal(found, cut)
    assert torch.allclose(whole.grad, sliced.grad)  # no two values are equal


def test_equal_maxima_share_the_gradient_where_parts_are_cut_out() -> None:
    slices = SegmentMaxima(1)
    slices.always_sliced = True
    values = torch.ones(1, 1, 4, requires_grad=True)
    torch.autograd.backward(slices(values).sum())
    assert values.grad.tolist() == [[[0.25] * 4]]

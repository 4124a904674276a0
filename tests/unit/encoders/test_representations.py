"""What representations claim: which changes of device, scale and order they do not see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mmbind.encoders.representations import (
    REPRESENTATIONS,
    compressed,
    gravity_aligned,
    magnitude,
    raw,
    shortened,
    vertical,
    vertical_magnitude,
    z_scored,
)
from mmbind.errors import InputError

SEEDS = st.integers(0, 10_000)


def worn(seed: int, windows: int = 4, steps: int = 20, axes: int = 3) -> np.ndarray:
    """Windows of an accelerometer: gravity in some direction, motion on top, m/s2."""
    rng = np.random.default_rng(seed)
    down = rng.normal(size=(windows, 1, axes))
    down *= 9.8 / np.linalg.norm(down, axis=2, keepdims=True)
    return (down + 2 * rng.normal(size=(windows, steps, axes))).astype(np.float32)


def turned(windows: np.ndarray, seed: int) -> np.ndarray:
    """Every window as a device that is mounted in another way would have recorded it."""
    matrices = Rotation.random(len(windows), rng=np.random.default_rng(seed)).as_matrix()
    return np.einsum("nij,ntj->nti", matrices, windows).astype(np.float32)


@pytest.mark.parametrize("name", ["magnitude", "gravity_aligned", "vertical", "vertical_magnitude"])
@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_turning_the_device_changes_nothing(name: str, seed: int) -> None:
    windows, function = worn(seed), REPRESENTATIONS[name]
    np.testing.assert_allclose(function(turned(windows, seed + 1)), function(windows), atol=2e-4)


@given(seed=SEEDS, scale=st.floats(0.1, 10), offset=st.floats(-20, 20))
@settings(deadline=None, max_examples=20)
def test_z_scores_do_not_see_offset_and_scale(seed: int, scale: float, offset: float) -> None:
    windows = worn(seed)
    changed = (windows * scale + offset).astype(np.float32)
    np.testing.assert_allclose(z_scored(changed), z_scored(windows), atol=2e-3)
    np.testing.assert_allclose(z_scored(windows).mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(z_scored(windows).std(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", sorted(REPRESENTATIONS))
@given(seed=SEEDS)
@settings(deadline=None, max_examples=10)
def test_a_window_becomes_what_it_becomes_alone_to_the_byte(name: str, seed: int) -> None:
    windows, function = worn(seed, windows=7), REPRESENTATIONS[name]
    order = np.random.default_rng(seed).permutation(7)
    whole = function(windows)
    assert whole.dtype == np.float32
    assert whole.shape[:2] == windows.shape[:2]
    assert function(windows[order]).tobytes() == whole[order].tobytes()
    assert function(windows[3:4]).tobytes() == whole[3:4].tobytes()


def test_up_and_sideways_of_a_device_at_any_angle() -> None:
    time = np.arange(40)
    still = np.tile([0.0, 0.0, 9.8], (1, 40, 1))
    lifted = still + np.array([0, 0, 1]) * np.sin(2 * np.pi * time / 40)[None, :, None]
    pushed = still + np.array([0.6, 0.8, 0]) * np.sin(2 * np.pi * time / 40)[None, :, None]
    for angle in (0, 1, 2):
        up, sideways = gravity_aligned(turned(lifted.astype(np.float32), angle))[0].T
        np.testing.assert_allclose(up, lifted[0, :, 2], atol=1e-4)
        np.testing.assert_allclose(sideways, 0, atol=1e-4)
        up, sideways = gravity_aligned(turned(pushed.astype(np.float32), angle))[0].T
        np.testing.assert_allclose(up, 9.8, atol=1e-4)
        np.testing.assert_allclose(sideways, np.abs(np.sin(2 * np.pi * time / 40)), atol=1e-4)


def test_length_is_shared_by_vertical_and_horizontal() -> None:
    windows = worn(3, axes=6)
    parts = gravity_aligned(windows).reshape(4, 20, 2, 2)
    np.testing.assert_allclose(np.sqrt((parts**2).sum(axis=3)), magnitude(windows), rtol=1e-5)
    assert (parts[..., 1] >= 0).all()


def test_vertical_and_magnitude_side_by_side() -> None:
    windows = worn(1)
    both = vertical_magnitude(windows)
    np.testing.assert_array_equal(both[..., :2], vertical(windows))
    np.testing.assert_allclose(np.expm1(both[..., 2:]), magnitude(windows), rtol=1e-5)


def test_logarithms_keep_order_and_sign() -> None:
    values = np.linspace(-100, 100, 41, dtype=np.float32).reshape(1, 41, 1)
    out = compressed(values)
    assert (np.diff(out[0, :, 0]) > 0).all()
    np.testing.assert_allclose(out[0, 20:, 0], -out[0, 20::-1, 0], atol=1e-7)
    np.testing.assert_allclose(out[0, -1, 0], np.log(101), rtol=1e-6)


@pytest.mark.parametrize("name", sorted(REPRESENTATIONS))
@pytest.mark.parametrize("value", [0.0, 9.8, -1e-30, 1e6])
def test_constant_windows_stay_finite(name: str, value: float) -> None:
    out = REPRESENTATIONS[name](np.full((2, 10, 3), value, np.float32))
    assert np.isfinite(out).all()
    assert (np.ptp(out, axis=1) == 0).all()
    assert name != "z_scored" or not out.any()


@pytest.mark.parametrize("function", [magnitude, gravity_aligned, vertical, vertical_magnitude])
@pytest.mark.parametrize("channels", [1, 4])
def test_directions_need_three_axes(function: object, channels: int) -> None:
    with pytest.raises(InputError, match=f"these windows have {channels} channels"):
        function(np.zeros((2, 5, channels), np.float32))  # type: ignore[operator]


@given(steps=st.integers(1, 40), length=st.integers(1, 40), seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_shortened_windows_keep_their_mean(steps: int, length: int, seed: int) -> None:
    windows = np.random.default_rng(seed).normal(size=(3, length, 2)).astype(np.float32)
    short = shortened(windows, steps)
    assert short.shape == (3, min(steps, length), 2)
    np.testing.assert_allclose(short.mean(axis=1), windows.mean(axis=1), atol=1e-5)


def test_shortened_takes_means_of_parts() -> None:
    line = np.arange(12, dtype=np.float32).reshape(1, 12, 1)
    np.testing.assert_allclose(shortened(line, 4)[0, :, 0], [1, 4, 7, 10])
    np.testing.assert_allclose(shortened(line, 5)[0, :, 0], [0.75, 37 / 12, 5.5, 95 / 12, 10.25], rtol=1e-6)


def test_raw_is_what_was_recorded() -> None:
    windows = worn(1)
    assert raw(windows) is windows

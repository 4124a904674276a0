from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding.rerank import warped_correlation, warped_views
from mmbind.binding.rerank.views import VIEWS
from mmbind.binding.rerank.warping import LANES
from mmbind.config.binding import Warping
from mmbind.errors import InputError


def distance(a: np.ndarray, b: np.ndarray, band: int) -> float:
    """The textbook's full table."""
    steps = len(a)
    table = np.full((steps + 1, steps + 1), np.inf)
    table[0, 0] = 0
    for i in range(steps):
        for j in range(max(0, i - band), min(steps, i + band + 1)):
            cost = ((a[i] - b[j]) ** 2).sum()
            table[i + 1, j + 1] = cost + min(table[i, j], table[i, j + 1], table[i + 1, j])
    return float(table[steps, steps])


def series(count: int, steps: int, channels: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, steps, channels)).astype(np.float32)


@given(
    steps=st.integers(2, 20),
    channels=st.integers(1, 4),
    band=st.integers(0, 25),
    count=st.integers(1, 2 * LANES + 3),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=30)
def test_equals_the_textbook(steps: int, channels: int, band: int, count: int, seed: int) -> None:
    a, b = series(2, steps, channels, seed), series(5, steps, channels, seed + 1)
    positions = np.random.default_rng(seed).integers(-1, 5, (2, count))
    found = warped_correlation(a, b, positions, band)
    for row, column in np.ndindex(*positions.shape):
        if positions[row, column] < 0:
            assert found[row, column] == -np.inf
        else:
            expected = 1 - distance(a[row], b[positions[row, column]], band) / (2 * steps * channels)
            assert found[row, column] == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(seed=st.integers(0, 1000), band=st.integers(0, 10))
@settings(deadline=None, max_examples=10)
def test_is_symmetric_to_the_bit_and_alike_on_any_number_of_threads(seed: int, band: int) -> None:
    a, b = series(9, 16, 3, seed), series(7, 16, 3, seed + 1)
    threads = numba.get_num_threads()
    try:
        answers = []
        for count in (1, threads):
            numba.set_num_threads(count)
            answers.append(warped_correlation(a, b, np.tile(np.arange(7), (9, 1)), band))
    finally:
        numba.set_num_threads(threads)
    back = warped_correlation(b, a, np.tile(np.arange(9), (7, 1)), band)
    assert answers[0].tobytes() == answers[1].tobytes()
    assert answers[0].tobytes() == np.ascontiguousarray(back.T).tobytes()


def test_a_shift_inside_the_band_costs_little() -> None:
    time = np.arange(60)
    bump = [np.exp(-(((time - centre) / 4) ** 2))[:, None] for centre in (25, 31, 45)]
    views = warped_views({"A": np.array(bump, dtype=np.float32)}, Warping())["A"]
    near, far = warped_correlation(views[:1], views, np.array([[1, 2]]), 8)[0]
    stiff = warped_correlation(views[:1], views, np.array([[1, 2]]), 0)[0]
    assert near > 0.99
    assert stiff[0] == pytest.approx(np.corrcoef(bump[0].ravel(), bump[1].ravel())[0, 1], abs=1e-5)
    assert far < 0.9 < near


@pytest.mark.parametrize("view", ["gravity", "vertical", "magnitude"])
def test_how_a_device_is_worn_does_not_matter(view: str) -> None:
    windows = series(4, 40, 3, 0) + np.array([0, 3, 9.8], dtype=np.float32)
    turned = windows @ np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0].astype(np.float32)
    views = warped_views({"A": windows, "B": turned}, Warping(view=view, steps=20))
    np.testing.assert_allclose(views["A"], views["B"], atol=1e-4)


@pytest.mark.parametrize("view", list(VIEWS))
def test_constant_windows_stay_finite(view: str) -> None:
    windows = np.zeros((3, 12, 3), dtype=np.float32)
    windows[1] = 9.8
    views = warped_views({"A": windows, "B": windows[:1]}, Warping(view=view, steps=6))
    assert all(np.isfinite(values).all() for values in views.values())
    found = warped_correlation(views["A"], views["B"], np.zeros((3, 1), dtype=np.int64), 2)
    assert found[0, 0] == 1


def test_gravity_needs_three_axes() -> None:
    with pytest.raises(InputError, match="three axes"):
        warped_views({"A": series(2, 10, 2, 0)}, Warping(view="gravity"))

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.windows.grid import Cuts
from mmbind.windows.resample import Resampler, low_pass, sample, taps
from tests.unit.windows.recorded import nanoseconds, sine

MS = 1_000_000


def resampled(times: np.ndarray, values: np.ndarray, rate: float, seconds: float) -> np.ndarray:
    """One window from time 0, on a grid of another rate."""
    t = nanoseconds(times)
    interval, step = float(np.median(np.diff(t))), 1e9 / rate
    grid = Cuts(np.array([0]), round(seconds * 1e9), closed=False).grid(round(rate * seconds))
    smooth = low_pass(t, values.astype(np.float32), interval=interval, step=step)
    return sample(t, smooth, grid, reach=max(interval, step))[0][0]


def test_a_movement_below_half_the_grids_rate_passes_without_delay() -> None:
    times, values = sine(3.0, 100.0, 4.0)
    wanted = np.sin(2 * np.pi * 3.0 * np.arange(80) / 20.0)
    out = resampled(times, values, 20.0, 4.0)
    inner = slice(15, -15)
    assert np.abs(out[inner, 0] - wanted[inner]).max() < 0.01


def test_a_vibration_above_half_the_grids_rate_does_not_come_back_as_slow_movement() -> None:
    times, values = sine(19.0, 100.0, 4.0)  # on a 20 Hz grid its alias would be 1 Hz
    inner = slice(15, -15)
    assert np.abs(resampled(times, values, 20.0, 4.0)[inner]).max() < 0.01
    unfiltered, _ = sample(nanoseconds(times), values, nanoseconds(np.arange(80) / 20.0)[None], reach=1e9)
    assert np.abs(unfiltered[0][inner]).max() > 0.9


def test_a_finer_grid_leaves_the_readings_as_they_are() -> None:
    times, values = sine(2.0, 50.0, 1.0)
    t = nanoseconds(times)
    smooth = low_pass(t, values.astype(np.float32), interval=20.0 * MS, step=10.0 * MS)
    assert np.array_equal(smooth, values.astype(np.float32))
    out, covered = sample(t, smooth, t[None], reach=20.0 * MS)
    assert np.array_equal(out[0], values.astype(np.float32))
    assert covered.tolist() == [1.0]


def test_the_filter_does_not_reach_across_a_pause() -> None:
    t = np.concatenate([np.arange(100), np.arange(150, 250)]) * 10 * MS
    values = np.where(np.arange(200) < 100, 0.0, 8.0)[:, None].astype(np.float32)
    smooth = low_pass(t, values, interval=10.0 * MS, step=40.0 * MS)
    assert np.allclose(smooth, values)


def test_the_share_of_samples_beside_readings_is_the_coverage() -> None:
    t = np.arange(100)[np.r_[0:40, 60:100]] * 10 * MS  # 0.2 s are missing
    values = np.zeros((80, 1))
    _, covered = sample(t, values, (np.arange(100) * 10 * MS)[None], reach=10.0 * MS)
    assert covered[0] == pytest.approx(0.82)  # the readings beside the pause cover one step each


@settings(deadline=None, max_examples=50)
@given(
    ratio=st.floats(1.02, 12.0),
    count=st.integers(1, 200),
    slope=st.floats(-50.0, 50.0),
    level=st.floats(-100.0, 100.0),
)
def test_a_straight_line_stays_a_straight_line(ratio: float, count: int, slope: float, level: float) -> None:
    t = np.arange(count, dtype=np.int64) * 10 * MS
    line = (level + slope * np.arange(count) / 100)[:, None].astype(np.float32)
    smooth = low_pass(t, line, interval=10.0 * MS, step=ratio * 10.0 * MS)
    assert np.allclose(smooth, line, atol=1e-3)


@settings(deadline=None, max_examples=50)
@given(
    gaps=st.lists(st.integers(0, 50), min_size=1, max_size=60),
    seed=st.integers(0, 1000),
    start=st.integers(-500, 2500),
    steps=st.integers(2, 40),
)
def test_samples_are_finite_and_lie_between_the_readings(gaps: list[int], seed: int, start: int, steps: int) -> None:
    t = np.cumsum(gaps).astype(np.int64) * MS
    values = np.random.default_rng(seed).normal(size=(len(t), 2))
    grid = Cuts(np.array([start * MS]), 1000 * MS, closed=True).grid(steps)
    out, covered = sample(t, values, grid, reach=20.0 * MS)
    assert np.isfinite(out).all()
    assert (out >= values.min(axis=0).astype(np.float32)).all()
    assert (out <= values.max(axis=0).astype(np.float32)).all()
    assert 0 <= covered[0] <= 1


def test_the_filter_is_symmetric_and_keeps_the_level() -> None:
    response = taps(2.5, 25)
    assert np.array_equal(response, response[::-1])
    assert response.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("how", ["linear", "polyphase"])
def test_a_single_reading_covers_no_more_than_its_neighbourhood(how: str) -> None:
    one = Resampler.of(np.array([1000 * MS]), np.array([[3.0]], dtype=np.float32), interval=0, step=100e6, how=how)
    samples, share = one.on(np.arange(20)[None] * 100 * MS)
    assert samples.tolist() == [[[3.0]] * 20]
    assert share.tolist() == [3 / 20]

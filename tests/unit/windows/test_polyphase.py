"""Both ways to resample, checked against scipy and by what any resampling must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from mmbind.windows import cut_windows
from mmbind.windows.grid import Cuts
from mmbind.windows.resample import Resampler, low_pass, sample, taps
from mmbind.windows.store import WindowStore
from tests.support import write_study
from tests.unit.windows.recorded import Recording, nanoseconds, sine, write_records

MS = 1_000_000


def on_grid(times: np.ndarray, values: np.ndarray, rate: float, seconds: float, how: str = "polyphase") -> np.ndarray:
    """One window from time 0 on a grid of another rate, float32 (steps, channels)."""
    t = nanoseconds(times)
    grid = Cuts(np.array([0]), round(seconds * 1e9), closed=False).grid(round(rate * seconds))
    interval = float(np.median(np.diff(t)))
    readings = Resampler.of(t, values.astype(np.float32), interval=interval, step=1e9 / rate, how=how)
    return readings.on(grid)[0][0]


def noise(rate: float, seconds: float, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    times = np.arange(round(rate * seconds)) / rate
    return times, np.random.default_rng(7).normal(size=(len(times), channels)).astype(np.float32)


@pytest.mark.parametrize(("rate", "up", "down"), [(200.0, 1, 4), (200.0, 1, 10), (100.0, 1, 2)])
@pytest.mark.parametrize("how", ["linear", "polyphase"])
def test_where_samples_fall_on_readings_both_ways_are_the_polyphase_filter_of_scipy(
    rate: float, up: int, down: int, how: str
) -> None:
    times, values = noise(rate, 10.0)
    wanted = signal.resample_poly(values.astype(np.float64), up, down, axis=0, window="hamming")
    out = on_grid(times, values, rate * up / down, 10.0, how)
    inner = slice(15, -15)
    np.testing.assert_allclose(out[inner], wanted[inner], atol=1e-5)


@pytest.mark.parametrize(("rate", "up", "down"), [(40.0, 5, 4), (50.0, 2, 5), (93.75, 8, 15), (30.0, 5, 3)])
def test_at_any_phase_polyphase_is_the_filter_of_scipy(rate: float, up: int, down: int) -> None:
    times, values = noise(rate, 16.0)
    wanted = signal.resample_poly(values.astype(np.float64), up, down, axis=0, window="hamming")
    out = on_grid(times, values, rate * up / down, 16.0)
    inner = slice(30, -30)
    assert np.sqrt(np.mean((out[inner] - wanted[inner]) ** 2)) < 0.01  # scipy's phases do not all sum to 1


@pytest.mark.parametrize("ratio", [2, 4, 10])
def test_the_linear_ways_filter_is_that_of_firwin(ratio: int) -> None:
    np.testing.assert_allclose(taps(ratio, 10 * ratio), signal.firwin(20 * ratio + 1, 1 / ratio), atol=1e-12)
    times, values = noise(100.0, 20.0)
    smooth = low_pass(nanoseconds(times), values, interval=10.0 * MS, step=ratio * 10.0 * MS)
    wanted = signal.upfirdn(signal.firwin(20 * ratio + 1, 1 / ratio), values.astype(np.float64), axis=0)
    inner = slice(10 * ratio, len(values) - 10 * ratio)
    np.testing.assert_allclose(smooth[inner], wanted[20 * ratio : len(values)], atol=1e-10)


@pytest.mark.parametrize(("rate", "new"), [(200.0, 50.0), (94.0, 50.0), (40.0, 50.0), (50.0, 16.0)])
def test_a_tone_of_the_passband_keeps_its_height_and_its_phase(rate: float, new: float) -> None:
    hz = 0.3 * min(rate, new)
    out = on_grid(*sine(hz, rate, 10.0), new, 10.0)
    wanted = np.sin(2 * np.pi * hz * np.arange(len(out)) / new)
    inner = slice(len(out) // 5, -len(out) // 5)
    assert np.abs(out[inner, 0] - wanted[inner]).max() < 0.005


@pytest.mark.parametrize(("rate", "new"), [(200.0, 50.0), (94.0, 40.0), (50.0, 16.0)])
def test_a_tone_above_the_new_nyquist_is_removed(rate: float, new: float) -> None:
    out = on_grid(*sine(0.65 * new, rate, 20.0), new, 20.0)
    inner = slice(len(out) // 5, -len(out) // 5)
    assert np.abs(out[inner]).max() < 0.005


def test_polyphase_holds_fast_movement_better_than_lines_between_readings() -> None:
    times, values = sine(15.0, 50.0, 10.0)
    wanted = np.sin(2 * np.pi * 15.0 * np.arange(1000) / 100.0)
    errors = {
        how: np.abs(on_grid(times, values, 100.0, 10.0, how)[200:-200, 0] - wanted[200:-200]).max()
        for how in ("linear", "polyphase")
    }
    assert errors["polyphase"] < 0.01
    assert errors["linear"] > 0.3


@settings(deadline=None, max_examples=60)
@given(
    how=st.sampled_from(["linear", "polyphase"]),
    count=st.integers(1, 120),
    step=st.integers(3, 90),
    start=st.integers(-300, 1300),
    level=st.floats(-100.0, 100.0),
    slope=st.floats(-50.0, 50.0),
    pause=st.integers(0, 119),
)
def test_levels_and_lines_stay(
    how: str, count: int, step: int, start: int, level: float, slope: float, pause: int
) -> None:
    """Whatever the ratio, the phase, the ends and the pauses."""
    t = np.arange(count, dtype=np.int64) * 10 * MS
    t[pause:] += 500 * MS
    values = np.stack([np.full(count, level), level + slope * t / 1e9], axis=1).astype(np.float32)
    readings = Resampler.of(t, values, interval=10.0 * MS, step=float(step * MS), how=how)
    grid = (start + step * np.arange(40, dtype=np.int64))[None] * MS
    out = readings.on(grid)[0][0]
    np.testing.assert_allclose(out[:, 0], level, atol=1e-4)
    held = np.clip(grid[0], t[0], t[-1])
    # a window of finite length turns a line by less than a hundredth of the way between two readings
    np.testing.assert_allclose(out[:, 1], level + slope * held / 1e9, atol=1e-3 + abs(slope) * 2e-4 * max(step / 10, 1))


@settings(deadline=None, max_examples=60)
@given(
    how=st.sampled_from(["linear", "polyphase"]),
    gaps=st.lists(st.sampled_from([9, 10, 10, 11, 300]), min_size=2, max_size=60),
    step=st.integers(3, 60),
    seed=st.integers(0, 99),
)
def test_time_that_runs_backwards_gives_the_samples_backwards(how: str, gaps: list[int], step: int, seed: int) -> None:
    t = np.cumsum(gaps).astype(np.int64) * MS
    values = np.random.default_rng(seed).normal(size=(len(t), 2)).astype(np.float32)
    grid = (t[0] + step * MS * np.arange(30, dtype=np.int64) + 1)[None]
    there = Resampler.of(t, values, interval=10.0 * MS, step=float(step * MS), how=how).on(grid)
    back = Resampler.of(-t[::-1], values[::-1], interval=10.0 * MS, step=float(step * MS), how=how).on(-grid[:, ::-1])
    np.testing.assert_allclose(back[0][0], there[0][0][::-1], atol=1e-5)
    assert back[1] == pytest.approx(there[1])


@settings(deadline=None, max_examples=40)
@given(how=st.sampled_from(["linear", "polyphase"]), hop=st.integers(1, 40), seed=st.integers(0, 99))
def test_windows_of_readings_moved_by_the_hop_are_the_next_windows(how: str, hop: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(300, 2)).astype(np.float32)
    t = np.arange(300, dtype=np.int64) * 10 * MS
    grid = Cuts(500 * MS + hop * MS * np.arange(4, dtype=np.int64), 600 * MS, closed=False).grid(20)
    out = [
        Resampler.of(times, values, interval=10.0 * MS, step=30.0 * MS, how=how).on(grid)[0]
        for times in (t, t + hop * MS)
    ]
    np.testing.assert_allclose(out[1][1:], out[0][:-1], atol=1e-5)


def test_a_study_that_asks_for_polyphase_gets_it(tmp_path: Path) -> None:
    cut = {"kind": "sliding", "length_s": 2.0, "hop_s": 1.0}
    fast = {"acc": sine(15.0, 50.0, 10.0)}
    wanted = np.sin(2 * np.pi * 15.0 * (4.0 + np.arange(200) / 100.0))
    worst = {}
    for how in ("linear", "polyphase"):
        windows = {"cut": cut, "resample": how, "modalities": {name: {"steps": 200} for name in ("acc", "gyro", "mag")}}
        study = write_study(tmp_path / how, windows=windows)
        write_records(study, "s", [Recording("p1_1.csv", "p1", fast)])
        cut_windows(study, "s")
        store = WindowStore.open(study.windows("s"), stage="window")
        position = store.index["start_ns"].to_list().index(4_000_000_000)
        worst[how] = np.abs(store.gather("acc", np.array([position]))[0, :, 0] - wanted).max()
    assert worst["polyphase"] < 0.01 < 0.3 < worst["linear"]


def test_the_covered_share_is_the_same_either_way() -> None:
    t = np.arange(100)[np.r_[0:40, 60:100]] * 10 * MS
    values = np.zeros((80, 1), dtype=np.float32)
    grid = (np.arange(100, dtype=np.int64) * 10 * MS)[None]
    _, wanted = sample(t, values.astype(np.float64), grid, reach=10.0 * MS)
    readings = Resampler.of(t, values, interval=10.0 * MS, step=10.0 * MS, how="polyphase")
    assert readings.on(grid)[1] == pytest.approx(wanted)

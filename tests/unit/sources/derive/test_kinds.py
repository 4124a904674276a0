"""Derived modalities against what physics and scipy say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mmbind.sources.derive.gravity import from_euler, from_quaternion
from mmbind.sources.derive.slow import slow_part

ANGLE = st.floats(-np.pi, np.pi)
SECOND = 1_000_000_000


def up_of(turn: Rotation) -> np.ndarray:
    """The world's up in the axes of a device whose vectors ``turn`` takes to the world."""
    return turn.inv().apply([0.0, 0.0, 1.0])


@settings(deadline=None)
@given(angles=st.tuples(ANGLE, ANGLE, ANGLE), length=st.floats(0.1, 10))
def test_a_quaternion_gives_the_up_of_its_rotation(angles: tuple[float, float, float], length: float) -> None:
    turn = Rotation.from_euler("ZYX", angles)
    x, y, z, w = turn.as_quat() * length
    first, last = np.array([[w, x, y, z]]), np.array([[x, y, z, w]])
    for quaternion, scalar_first in ((first, True), (last, False)):
        found = from_quaternion(quaternion, scalar_first=scalar_first, device_to_world=True)[0]
        np.testing.assert_allclose(found, up_of(turn), atol=1e-9)
        turned = from_quaternion(quaternion, scalar_first=scalar_first, device_to_world=False)[0]
        np.testing.assert_allclose(turned, up_of(turn.inv()), atol=1e-9)


@settings(deadline=None)
@given(yaw=ANGLE, pitch=ANGLE, roll=ANGLE)
def test_aerospace_angles_agree_with_scipy(yaw: float, pitch: float, roll: float) -> None:
    found = from_euler(np.array([[yaw, pitch, roll]]), convention="aerospace")[0]
    np.testing.assert_allclose(found, up_of(Rotation.from_euler("ZYX", [yaw, pitch, roll])), atol=1e-9)


@settings(deadline=None)
@given(up=st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 1e-3))
def test_android_angles_give_back_the_gravity_they_were_taken_from(up: tuple[float, float, float]) -> None:
    x, y, z = np.array(up) / np.linalg.norm(up)
    sensor = np.array([[0.3, np.arctan2(-y, z), np.arcsin(np.clip(x, -1, 1))]])
    matrix = np.array([[0.3, np.arcsin(np.clip(-y, -1, 1)), np.arctan2(-x, z)]])
    for angles, convention in ((sensor, "android_sensor"), (matrix, "android_matrix")):
        np.testing.assert_allclose(from_euler(angles, convention=convention)[0], [x, y, z], atol=1e-7)


def test_no_direction_comes_of_nothing() -> None:
    found = from_quaternion(np.array([[0.0, 0, 0, 0], [np.nan, 0, 0, 1]]), scalar_first=True, device_to_world=True)
    assert np.isnan(found).all()


def ticks(count: int, jitter: float, seed: int = 0) -> np.ndarray:
    """About 100 Hz; steps vary by the share ``jitter``."""
    steps = 1e7 * (1 + jitter * np.random.default_rng(seed).uniform(-1, 1, count))
    return np.cumsum(steps).astype(np.int64)


@pytest.mark.parametrize("jitter", [0.0, 0.6])
def test_the_slow_part_keeps_gravity_and_drops_movement(jitter: float) -> None:
    times = ticks(6000, jitter)
    seconds = times / SECOND
    slow, fast = np.sin(2 * np.pi * 0.03 * seconds), np.sin(2 * np.pi * 2 * seconds)
    found = slow_part(times, np.stack([9.8 + slow, fast], axis=1), cutoff_hz=0.3)
    inner = slice(1000, -1000)
    np.testing.assert_allclose(found[inner, 0], 9.8 + slow[inner], atol=0.01)
    np.testing.assert_allclose(found[inner, 1], 0, atol=0.01)


def test_half_the_power_passes_at_the_cut_off_without_delay() -> None:
    times = ticks(20000, 0.0)
    wave = np.sin(2 * np.pi * 0.5 * times / SECOND)
    found = slow_part(times, wave[:, None], cutoff_hz=0.5)[:, 0]
    inner = slice(4000, -4000)
    np.testing.assert_allclose(found[inner], wave[inner] * np.sqrt(0.5), atol=0.005)


def test_the_filter_never_reaches_across_a_pause() -> None:
    times = np.concatenate([ticks(500, 0.3), ticks(500, 0.3, 1) + 60 * SECOND])
    values = np.concatenate([np.full(500, 1.0), np.full(500, -5.0)])[:, None]
    np.testing.assert_allclose(slow_part(times, values, cutoff_hz=0.3), values, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_a_run_far_shorter_than_the_filter_becomes_its_mean(count: int) -> None:
    times = np.arange(count) * 10_000_000
    values = np.random.default_rng(0).normal(size=(count, 2))
    found = slow_part(times, values, cutoff_hz=0.3)
    np.testing.assert_allclose(found, np.broadcast_to(values.mean(axis=0), found.shape), atol=0.1)


def test_constant_readings_stay_to_the_last() -> None:
    times = ticks(1000, 0.5)
    values = np.full((1000, 1), 9.81)
    np.testing.assert_allclose(slow_part(times, values, cutoff_hz=0.3), values, atol=1e-4)


def test_readings_too_slow_for_the_cut_off_stay() -> None:
    times = np.arange(10) * 2 * SECOND
    values = np.random.default_rng(0).normal(size=(10, 1))
    np.testing.assert_array_equal(slow_part(times, values, cutoff_hz=0.3), values)

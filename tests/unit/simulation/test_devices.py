"""Devices: what they add to the physics, and when they sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.simulation.chance import generator, wander
from mmbind.simulation.devices import Chip, Device, sample_times, sense
from mmbind.simulation.fleets import FLEETS
from mmbind.simulation.people import Person
from mmbind.simulation.performance import Bout, perform

MAKE = FLEETS["fleet_a"].make
PERFECT = replace(
    MAKE,
    chips={name: Chip(0.0, 0.0, 0.0, np.inf) for name in MAKE.chips},
    turned=(0.0, 0.0, 0.0),
    worn=0.0,
    tilted=0.0,
)


@pytest.fixture(scope="module")
def motion():
    return perform(Person.draw(generator("p")), [Bout("jog", 0.0, 10.0)], generator("m"))


def test_a_perfect_device_reads_the_physics(motion) -> None:
    device = Device.draw(PERFECT, generator("d"))
    read = sense(device, motion, motion.times, generator("n"))
    np.testing.assert_allclose(read["acc"], motion.specific_force(), atol=1e-9)
    np.testing.assert_allclose(read["gyro"], motion.angular_velocity(), atol=1e-9)
    np.testing.assert_allclose(read["mag"], motion.magnetic_field(), atol=1e-9)


def test_mounting_turns_all_sensors_alike_and_keeps_magnitudes(motion) -> None:
    device = Device.draw(replace(PERFECT, turned=(10.0, 0.0, 40.0), worn=20.0), generator("d"))
    read = sense(device, motion, motion.times, generator("n"))
    assert not np.allclose(read["acc"], motion.specific_force(), atol=0.5)
    for name, ideal in (("acc", motion.specific_force()), ("gyro", motion.angular_velocity())):
        np.testing.assert_allclose(device.mounting.apply(read[name]), ideal, atol=1e-9)


def test_real_devices_are_biased_noisy_and_saturate(motion) -> None:
    device = Device.draw(MAKE, generator("d"))
    read = sense(device, motion, motion.times, generator("n"))
    limit = MAKE.chips["acc"].limit
    assert np.abs(read["acc"]).max() <= limit
    narrow = replace(MAKE, chips=dict(MAKE.chips) | {"acc": replace(MAKE.chips["acc"], limit=5.0)})
    clipped = sense(replace(device, make=narrow), motion, motion.times, generator("n"))["acc"]
    assert np.abs(clipped).max() == 5.0
    again = sense(device, motion, motion.times, generator("other noise"))
    assert 0 < np.abs(read["gyro"] - again["gyro"]).mean() < 0.5


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), source=st.sampled_from(sorted(FLEETS)), seconds=st.floats(10, 120))
def test_sample_times_increase_and_keep_the_rate(seed: int, source: str, seconds: float) -> None:
    make = FLEETS[source].make
    device = Device.draw(make, generator(seed))
    times = sample_times(device, seconds, generator(seed, "t"))
    steps = np.diff(times)
    assert (steps > 0).all()
    assert times[0] > 0
    assert times[-1] < seconds
    assert 1 / np.median(steps) == pytest.approx(make.clock.rate_hz, rel=0.03)


def test_wander_is_smooth_of_unit_deviation_and_independent_of_call_order() -> None:
    times = np.arange(0, 400, 0.01)
    noise = wander(generator(1), times, rate_hz=0.5, columns=3)
    assert noise.std() == pytest.approx(0.8, abs=0.25)
    assert np.abs(np.diff(noise, axis=0)).max() < 0.05
    np.testing.assert_array_equal(noise, wander(generator(1), times, rate_hz=0.5, columns=3))

"""Physics: what the simulated sensors feel is what a rigid body feels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mmbind.simulation.activities import ACTIVITIES
from mmbind.simulation.chance import generator
from mmbind.simulation.motion import EARTH_FIELD, GRAVITY, Motion
from mmbind.simulation.people import Person
from mmbind.simulation.performance import Bout, draw_schedule, perform

seeds = st.integers(0, 10_000)


def performed(seed: int, *activities: str) -> Motion:
    bouts = [Bout(name, 8.0 * i, 8.0 * (i + 1)) for i, name in enumerate(activities)]
    return perform(Person.draw(generator("person", seed)), bouts, generator("motion", seed))


@settings(deadline=None, max_examples=8)
@given(seed=seeds, activities=st.permutations(sorted(ACTIVITIES)))
def test_the_gyroscope_integrates_to_the_orientation(seed: int, activities: list[str]) -> None:
    motion = performed(seed, *activities[:3])
    rates = motion.angular_velocity()
    turns = Rotation.from_rotvec((rates[:-1] + rates[1:]) / (2 * motion.rate_hz))
    orientation = motion.orientation[0]
    for step in range(1000):
        orientation = orientation * turns[step]
    assert (orientation.inv() * motion.orientation[1000]).magnitude() < np.deg2rad(2)


@settings(deadline=None, max_examples=8)
@given(seed=seeds, activity=st.sampled_from(sorted(ACTIVITIES)))
def test_gravity_and_field_turn_with_the_body(seed: int, activity: str) -> None:
    motion = performed(seed, activity)
    field = motion.magnetic_field()
    np.testing.assert_allclose(np.linalg.norm(field, axis=1), np.linalg.norm(EARTH_FIELD))
    np.testing.assert_allclose(motion.orientation.apply(field), np.tile(EARTH_FIELD, (len(field), 1)), atol=1e-9)
    felt = motion.orientation.apply(motion.specific_force()) + GRAVITY
    np.testing.assert_allclose(felt, motion.acceleration(), atol=1e-9)


def test_at_rest_the_accelerometer_shows_gravity() -> None:
    motion = performed(3, "rest")
    force = motion.specific_force()
    assert np.median(np.linalg.norm(force, axis=1)) == pytest.approx(9.81, abs=0.6)
    np.testing.assert_allclose(motion.orientation.apply(force).mean(axis=0), -GRAVITY, atol=0.1)


def test_a_body_on_a_circle_feels_what_the_textbook_says() -> None:
    times = np.arange(0, 2, 0.01)
    turn = 3.0 * times
    position = 0.5 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    motion = Motion(100.0, Rotation.from_euler("Z", turn[:, None]), position)
    np.testing.assert_allclose(motion.angular_velocity(), np.tile([0, 0, 3.0], (200, 1)), atol=1e-9)
    inner = motion.specific_force()[1:-1]
    np.testing.assert_allclose(inner, np.tile([-0.5 * 9.0, 0, 9.81], (198, 1)), atol=1e-3)


def test_accelerations_stay_human_where_one_activity_turns_into_the_next() -> None:
    motion = performed(5, *sorted(ACTIVITIES))
    assert np.linalg.norm(motion.acceleration(), axis=1).max() < 80
    assert np.linalg.norm(motion.angular_velocity(), axis=1).max() < 30


def test_the_other_wrist_is_the_mirror_image() -> None:
    right = Person.draw(generator("mirror"))
    left = Person(-right.side, right.upper_arm, right.forearm, right.habits)
    bouts = [Bout("walk", 0.0, 8.0)]
    one, other = (perform(person, bouts, generator("m")).specific_force() for person in (right, left))
    np.testing.assert_allclose(one * [1, -1, 1], other, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, seconds=st.floats(30, 400))
def test_schedules_have_no_holes_and_every_activity(seed: int, seconds: float) -> None:
    bouts = draw_schedule(generator(seed), seconds=seconds, bout_s=20.0)
    assert bouts[0].start_s == 0
    assert bouts[-1].stop_s == pytest.approx(seconds)
    assert all(one.stop_s == two.start_s for one, two in pairwise(bouts))
    assert len({bout.activity for bout in bouts}) >= len(ACTIVITIES) - 1


def test_people_differ_and_stay_themselves() -> None:
    one, same, other = (Person.draw(generator("p", key)) for key in (1, 1, 2))
    assert one.forearm == same.forearm
    assert one.forearm != other.forearm
    assert one.habits["walk"].tempo == same.habits["walk"].tempo
    assert not np.allclose(one.habits["walk"].posture, other.habits["walk"].posture)

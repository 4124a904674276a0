"""A person performs a schedule of activities: joint angles over time, and the wrist's motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mmbind.simulation.activities import ACTIVITIES, JOINTS, TREMOR, TRUNK
from mmbind.simulation.chance import Floats, wander
from mmbind.simulation.motion import Motion
from mmbind.simulation.people import BOUTS, Person

#: Samples per second of simulated motion; loggers sample it at their own rates.
RATE_HZ = 100.0
#: Seconds that one activity takes to turn into the next.
BLEND_S = 0.8
#: Inside a bout: relative deviation of the tempo and of the size of all movements, and of
#: the posture in degrees, with knots per second of the wander.
TEMPO_WANDER, SIZE_WANDER, POSTURE_WANDER, WANDER_HZ = 0.06, 0.15, 2.5, 0.4
#: Knots per second of the turning rate, and of tremor.
HEADING_HZ, TREMOR_HZ = 0.15, 10.0


@dataclass(frozen=True)
class Bout:
    """An uninterrupted stretch of one activity, [start_s, stop_s)."""

    activity: str
    start_s: float
    stop_s: float


def draw_schedule(chance: np.random.Generator, *, seconds: float, bout_s: float) -> list[Bout]:
    """Draws bouts that fill a session: every activity once in random order, again and again.

    Args:
        chance: where the order and the lengths come from.
        seconds: length of the session.
        bout_s: mean length of a bout; shortened where a session could not hold every
            activity once.
    """
    mean = min(bout_s, seconds / len(ACTIVITIES))
    bouts: list[Bout] = []
    start = 0.0
    while start < seconds:
        for activity in chance.permutation(sorted(ACTIVITIES)):
            stop = start + mean * chance.uniform(0.7, 1.3)
            if start < seconds:
                bouts.append(Bout(str(activity), start, min(stop, seconds)))
            start = stop
    return bouts


def perform(person: Person, bouts: Sequence[Bout], chance: np.random.Generator) -> Motion:
    """Moves the person's wrist through a schedule.

    Args:
        person: who moves.
        bouts: the schedule, without holes, from 0 on.
        chance: where all variation inside the schedule comes from.

    Returns:
        The wrist's motion; its body frame has x to the thumb side when the arm hangs
        (forward), y to the left and z up the forearm.
    """
    times = np.arange(round(bouts[-1].stop_s * RATE_HZ)) / RATE_HZ
    joints, trunk = np.zeros((len(times), len(JOINTS))), np.zeros((len(times), len(TRUNK)))
    turning = np.zeros((len(times), 1))
    for number, bout in enumerate(bouts):
        start = bout.start_s if number > 0 else -np.inf
        stop = bout.stop_s if number < len(bouts) - 1 else np.inf
        here = slice(*np.searchsorted(times, [start - BLEND_S, stop + BLEND_S]))
        share = (_rise(times[here], start) - _rise(times[here], stop))[:, None]
        parts = _movement(person, bout.activity, times[here], chance)
        for total, part in zip((joints, trunk, turning), parts, strict=True):
            total[here] += share * part
    facing = chance.uniform(0, 360) + person.side * np.cumsum(turning[:, 0]) / RATE_HZ
    return _wrist(person, np.deg2rad(joints), trunk, np.deg2rad(facing))


def _rise(times: Floats, middle: float) -> Floats:
    """From 0 to 1 around a moment, twice continuously differentiable (quintic smoothstep)."""
    share = np.clip((times - middle) / BLEND_S + 0.5, 0.0, 1.0)
    return np.asarray(share**3 * (share * (6 * share - 15) + 10))


def _movement(person: Person, name: str, times: Floats, chance: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Joint angles in degrees (n, 6), trunk in m (n, 3), turning rate in degrees per s (n, 1)."""
    activity = ACTIVITIES[name]
    habit = person.habits[name] + BOUTS.draw(chance, activity)
    drift = wander(chance, times, rate_hz=WANDER_HZ, columns=2 + len(JOINTS))
    tempo = activity.tempo_hz * habit.tempo * (1 + TEMPO_WANDER * drift[:, 0])
    cycles = chance.random() + np.cumsum(tempo) / RATE_HZ
    size = np.exp(SIZE_WANDER * drift[:, 1])

    posture = np.array([activity.posture.get(joint, 0.0) for joint in JOINTS]) + habit.posture
    joints = posture + POSTURE_WANDER * drift[:, 2:]
    joints += TREMOR * wander(chance, times, rate_hz=TREMOR_HZ, columns=len(JOINTS))
    trunk = np.zeros((len(times), len(TRUNK)))
    for wave, factor, lead, sharper in zip(activity.waves, habit.sizes, habit.phases, habit.sharpness, strict=True):
        curve = _wave(wave.harmonic * cycles + wave.phase + lead, wave.sharpness + sharper)
        if wave.part in JOINTS:
            joints[:, JOINTS.index(wave.part)] += wave.size * factor * size * curve
        else:
            trunk[:, TRUNK.index(wave.part)] += wave.size * factor * size * curve
    turning = activity.heading * wander(chance, times, rate_hz=HEADING_HZ)
    return joints, trunk, turning


def _wave(cycles: Floats, sharpness: float) -> Floats:
    """A sine of unit amplitude that holds the longer at its ends the sharper it is."""
    sine = np.sin(2 * np.pi * cycles)
    return np.asarray(np.tanh(sharpness * sine) / np.tanh(sharpness)) if sharpness > 1e-3 else sine


def _wrist(person: Person, joints: Floats, trunk: Floats, facing: Floats) -> Motion:
    """Forward kinematics of trunk, upper arm and forearm; angles in radians."""
    flexion, abduction, rotation, elbow, pronation, wrist = joints.T
    side = person.side
    body = Rotation.from_euler("Z", facing[:, None])
    upper = body * Rotation.from_euler("YXZ", np.stack([-flexion, side * abduction, -side * rotation], axis=1))
    fore = upper * Rotation.from_euler("Y", -elbow[:, None])
    hand = fore * Rotation.from_euler("ZX", np.stack([-side * pronation, side * wrist], axis=1))
    position = (
        body.apply(trunk * np.array([1.0, side, 1.0]))
        + upper.apply([0.0, 0.0, -person.upper_arm])
        + fore.apply([0.0, 0.0, -person.forearm])
    )
    return Motion(RATE_HZ, hand, np.asarray(position, dtype=np.float64))

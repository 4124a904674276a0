"""People: every one does the same activities in a way of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmbind.simulation.activities import ACTIVITIES, JOINTS, Activity
from mmbind.simulation.chance import Floats


@dataclass(frozen=True)
class Spread:
    """How much people, or one person's days, differ; standard deviations.

    Attributes:
        tempo: of the logarithm of the tempo.
        size: of the logarithm of each wave's size.
        posture: of each joint's mean angle, in degrees.
        phase: of each wave's phase, in cycles.
        sharpness: of what is added to each wave's sharpness.
    """

    tempo: float
    size: float
    posture: float
    phase: float
    sharpness: float

    def draw(self, chance: np.random.Generator, activity: Activity) -> Habit:
        """Draws one deviation from the average way of an activity."""
        waves = len(activity.waves)
        return Habit(
            tempo=float(np.exp(self.tempo * chance.standard_normal())),
            sizes=np.exp(self.size * chance.standard_normal(waves)),
            posture=self.posture * chance.standard_normal(len(JOINTS)),
            phases=self.phase * chance.standard_normal(waves),
            sharpness=np.abs(self.sharpness * chance.standard_normal(waves)),
        )


@dataclass(frozen=True)
class Habit:
    """A deviation from the average way of doing an activity.

    Attributes:
        tempo: factor of the tempo.
        sizes: factor of each wave's size, shape (waves,).
        posture: added to the joint angles, degrees, shape (joints,).
        phases: added to the waves' phases, cycles, shape (waves,).
        sharpness: added to the waves' sharpness, shape (waves,).
    """

    tempo: float
    sizes: Floats
    posture: Floats
    phases: Floats
    sharpness: Floats

    def __add__(self, other: Habit) -> Habit:
        """Both deviations at once."""
        return Habit(
            tempo=self.tempo * other.tempo,
            sizes=self.sizes * other.sizes,
            posture=self.posture + other.posture,
            phases=self.phases + other.phases,
            sharpness=self.sharpness + other.sharpness,
        )


#: Between people.
PEOPLE = Spread(tempo=0.08, size=0.25, posture=6.0, phase=0.06, sharpness=0.6)
#: Between two bouts of the same activity of one person.
BOUTS = Spread(tempo=0.07, size=0.25, posture=8.0, phase=0.04, sharpness=0.5)


@dataclass(frozen=True)
class Person:
    """A person, as far as the wrist can tell.

    Attributes:
        side: 1 when the logger is worn on the left wrist, -1 on the right, which mirrors.
        upper_arm: its length in m.
        forearm: its length in m.
        habits: the person's way of every activity, by label.
    """

    side: int
    upper_arm: float
    forearm: float
    habits: dict[str, Habit]

    @classmethod
    def draw(cls, chance: np.random.Generator, *, left_share: float = 0.0) -> Person:
        """Draws a person.

        Args:
            chance: where the person comes from.
            left_share: chance that the logger is worn on the left wrist.
        """
        stature = 1.0 + 0.06 * chance.standard_normal()
        return cls(
            side=1 if chance.random() < left_share else -1,
            upper_arm=0.30 * stature,
            forearm=0.26 * stature,
            habits={name: PEOPLE.draw(chance, activity) for name, activity in ACTIVITIES.items()},
        )

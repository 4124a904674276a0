"""What people do with their wrist: eight activities as movements of the joints of an arm.

An activity is a posture and periodic waves around it. Some pairs are made to look alike to
an accelerometer (turning a screwdriver that points down hardly moves gravity), but not to a
gyroscope or a magnetometer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Joint angles, in degrees. Zero: the arm hangs, palm to the thigh. Positive: upper arm
#: forward, upper arm outward, upper arm turned inward, elbow bent, palm turned down, hand
#: bent toward the palm.
JOINTS = ("flexion", "abduction", "rotation", "elbow", "pronation", "wrist")
#: Movements of the shoulder with the trunk, in metres: forward, left, up.
TRUNK = ("surge", "sway", "bob")


@dataclass(frozen=True)
class Wave:
    """A periodic movement of one joint or of the trunk.

    Attributes:
        part: a name of :data:`JOINTS` or :data:`TRUNK`.
        size: amplitude in degrees, or in metres for the trunk.
        harmonic: cycles of the wave per cycle of the activity.
        phase: share of its own cycle by which the wave leads.
        sharpness: 0 for a sine; from about 3 a smooth step that holds at both ends.
    """

    part: str
    size: float
    harmonic: int = 1
    phase: float = 0.0
    sharpness: float = 0.0


@dataclass(frozen=True)
class Activity:
    """One activity, as an average person does it.

    Attributes:
        name: its label.
        tempo_hz: cycles per second.
        posture: mean joint angles in degrees; joints not named hang.
        waves: what moves around the posture.
        heading: deviation of the slow wander of the direction one faces, in degrees.
        tremor: deviation of the fast small movements of every joint, in degrees.
    """

    name: str
    tempo_hz: float
    posture: Mapping[str, float]
    waves: tuple[Wave, ...] = ()
    heading: float = 5.0
    tremor: float = 0.3


def _gait(name: str, tempo_hz: float, *, swing: float, elbow: float, bounce: float, heading: float) -> Activity:
    """Walking and its relatives; a cycle is a stride, two steps."""
    return Activity(
        name,
        tempo_hz,
        posture={"flexion": 5.0, "abduction": 8.0, "elbow": elbow, "pronation": 20.0},
        waves=(
            Wave("flexion", swing),
            Wave("elbow", 0.4 * swing, phase=0.05),
            Wave("rotation", 0.25 * swing, phase=0.1),
            Wave("bob", bounce, harmonic=2),
            Wave("bob", 0.15 * bounce, harmonic=4, phase=0.3),
            Wave("surge", 0.5 * bounce, harmonic=2, phase=0.2),
            Wave("sway", 0.8 * bounce, phase=0.25),
        ),
        heading=heading,
        tremor=0.8,
    )


_DESK = {"flexion": 22.0, "abduction": 12.0, "elbow": 62.0, "pronation": 35.0}

#: Every activity by its label.
ACTIVITIES: dict[str, Activity] = {
    activity.name: activity
    for activity in (
        Activity("rest", 0.25, posture=_DESK, waves=(Wave("bob", 0.002),), heading=4.0, tremor=0.4),
        _gait("walk", 0.92, swing=16.0, elbow=18.0, bounce=0.018, heading=20.0),
        _gait("stairs", 0.80, swing=12.0, elbow=26.0, bounce=0.022, heading=45.0),
        _gait("jog", 1.30, swing=24.0, elbow=75.0, bounce=0.040, heading=20.0),
        Activity(
            "wave",
            1.3,
            posture={"flexion": 45.0, "abduction": 25.0, "elbow": 100.0, "pronation": 60.0},
            waves=(Wave("rotation", 22.0), Wave("abduction", 6.0, phase=0.1)),
        ),
        Activity(
            "drink",
            0.22,
            posture={"flexion": 32.0, "abduction": 15.0, "elbow": 90.0, "pronation": 25.0},
            waves=(
                Wave("elbow", 25.0, sharpness=2.5),
                Wave("flexion", 12.0, phase=0.03, sharpness=2.5),
                Wave("pronation", 18.0, phase=-0.05, sharpness=2.5),
            ),
        ),
        Activity(
            "stir",
            1.4,
            posture=_DESK,
            waves=(Wave("flexion", 5.0), Wave("rotation", 7.0, phase=0.25), Wave("wrist", 4.0, phase=0.1)),
        ),
        Activity(
            "screw",
            1.1,
            posture=_DESK | {"elbow": 30.0, "flexion": 10.0},
            waves=(Wave("pronation", 28.0, sharpness=1.0), Wave("elbow", 1.5, phase=0.2)),
        ),
    )
}

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
        heading: deviation of the slowly changing turning rate, in degrees per s.
    """

    name: str
    tempo_hz: float
    posture: Mapping[str, float]
    waves: tuple[Wave, ...] = ()
    heading: float = 5.0


#: A wrist is never still: fidgeting, and vehicles and tables that shake. Fast movements of a
#: degree are loud in an accelerometer and silent in a magnetometer.
TREMOR = 0.8


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
    )


#: Every activity by its label. Stairs turn at landings. Resting, stirring and driving a
#: screw are done in nearly the same posture.
ACTIVITIES: dict[str, Activity] = {
    activity.name: activity
    for activity in (
        _gait("walk", 0.96, swing=20.0, elbow=14.0, bounce=0.018, heading=15.0),
        _gait("stairs", 0.74, swing=11.0, elbow=28.0, bounce=0.022, heading=60.0),
        _gait("jog", 1.30, swing=22.0, elbow=75.0, bounce=0.026, heading=20.0),
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
            "rest",
            0.25,
            posture={"flexion": 15.0, "abduction": 12.0, "elbow": 50.0, "pronation": 45.0},
            waves=(Wave("bob", 0.002),),
            heading=4.0,
        ),
        Activity(
            "stir",
            1.4,
            posture={"flexion": 25.0, "abduction": 20.0, "elbow": 60.0, "pronation": 35.0},
            waves=(Wave("flexion", 7.0), Wave("rotation", 10.0, phase=0.25), Wave("wrist", 5.0, phase=0.1)),
        ),
        Activity(
            "screw",
            1.1,
            posture={"flexion": 18.0, "abduction": 12.0, "elbow": 40.0, "pronation": 25.0},
            waves=(Wave("pronation", 30.0, sharpness=1.0), Wave("elbow", 3.0, phase=0.2)),
        ),
    )
}

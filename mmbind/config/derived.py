"""``sources.<name>.derived``: modalities that are computed from one that is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmbind.config.base import Section


class Derived(Section):
    """What every derived modality says."""

    #: The modality that it is computed from; one that is read, not derived itself.
    base: str


class GravityFromQuaternion(Derived):
    """Direction of gravity (up, as an accelerometer at rest shows it) from a device's orientation.

    The base has four channels. Channels x, y, z of unit 1, in the device's axes.
    """

    kind: Literal["gravity_from_quaternion"]
    #: Where the base has the scalar part, first (w, x, y, z) or last (x, y, z, w).
    scalar: Literal["first", "last"] = "first"
    #: What the quaternion turns: vectors of the device into those of the world (rotation
    #: vectors of phones and watches), or the other way round.
    turns: Literal["device_to_world", "world_to_device"] = "device_to_world"


class GravityFromEuler(Derived):
    """Direction of gravity (up) from Euler angles; heading tells nothing of it.

    The base has the channels azimuth, pitch, roll, in this order. Channels x, y, z of unit 1.
    """

    kind: Literal["gravity_from_euler"]
    #: Whose angles. ``android_sensor``: the deprecated orientation sensor (pitch within 180,
    #: roll within 90 degrees). ``android_matrix``: ``SensorManager.getOrientation`` (pitch
    #: within 90, roll within 180 degrees). ``aerospace``: yaw, pitch, roll turned in this order
    #: about z, y, x of a device whose z points up when all are 0.
    convention: Literal["android_sensor", "android_matrix", "aerospace"]


class GravityFromAcceleration(Derived):
    """Direction of gravity (up) as the slow part of acceleration; channels x, y, z of unit 1."""

    kind: Literal["gravity_from_acceleration"]
    #: Cut-off of the low-pass filter.
    cutoff_hz: float = Field(default=0.3, gt=0)


class LinearAcceleration(Derived):
    """Acceleration without gravity, its slow part; channels and unit of the base."""

    kind: Literal["linear_acceleration"]
    #: Cut-off of the low-pass filter that finds gravity.
    cutoff_hz: float = Field(default=0.3, gt=0)


class Magnitude(Derived):
    """Length of the vector of all channels; one channel ``magnitude`` of the base's unit."""

    kind: Literal["magnitude"]


DerivedModality = Annotated[
    GravityFromQuaternion | GravityFromEuler | GravityFromAcceleration | LinearAcceleration | Magnitude,
    Field(discriminator="kind"),
]

#: How many channels the base must have; None for any.
BASE_CHANNELS: dict[str, int | None] = {
    "gravity_from_quaternion": 4,
    "gravity_from_euler": 3,
    "gravity_from_acceleration": 3,
    "linear_acceleration": 3,
    "magnitude": None,
}
#: SI units that the base may have; empty for any.
BASE_UNITS: dict[str, tuple[str, ...]] = {
    "gravity_from_quaternion": ("1",),
    "gravity_from_euler": ("rad",),
    "gravity_from_acceleration": ("m/s2",),
    "linear_acceleration": ("m/s2",),
    "magnitude": (),
}

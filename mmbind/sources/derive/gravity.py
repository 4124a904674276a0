"""Direction of gravity from a device's orientation: the world's "up" in the device's axes.

It is what an accelerometer at rest shows, divided by g, and all of an orientation that an
accelerometer shares; heading, which drifts and needs a compass, is left out. The last row of
the matrix R that turns vectors of the device into those of the world (z up).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def from_quaternion(quaternion: Values, *, scalar_first: bool, device_to_world: bool) -> Values:
    """Up in the device's axes.

    J. B. Kuipers, "Quaternions and Rotation Sequences" (1999), section 7.7: the last row of R
    for the quaternion (w, x, y, z) of any length, (2 (xz - wy), 2 (yz + wx), w2 - x2 - y2 + z2),
    divided by its squared length. For the inverse rotation it is the last column of R.

    Args:
        quaternion: float64 (n, 4), rounded or unnormalised ones, too.
        scalar_first: whether it is (w, x, y, z) and not (x, y, z, w).
        device_to_world: whether it turns vectors of the device into those of the world.

    Returns:
        Unit vectors float64 (n, 3); NaN where the quaternion is zero or not finite.
    """
    w, x, y, z = (quaternion if scalar_first else np.roll(quaternion, 1, axis=1)).T
    if not device_to_world:
        w = -w
    up = np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z], axis=1)
    return normalised(up)


def from_euler(angles: Values, *, convention: str) -> Values:
    """Up in the device's axes.

    ``android_sensor``: g as AOSP's ``OrientationSensor.cpp`` takes the angles from it, pitch =
    atan2(-g_y, g_z), roll = asin(g_x): (sin r, -cos r sin p, cos r cos p).
    ``android_matrix``: ``SensorManager.getOrientation``, pitch = asin(-g_y), roll =
    atan2(-g_x, g_z): (-cos p sin r, -sin p, cos p cos r).
    ``aerospace``: R = Rz(yaw) Ry(pitch) Rx(roll), J. B. Kuipers (1999), section 4.5:
    (-sin p, cos p sin r, cos p cos r).

    Args:
        angles: azimuth (yaw), pitch, roll in rad, float64 (n, 3).
        convention: whose angles they are.

    Returns:
        Unit vectors float64 (n, 3); NaN where an angle that counts is not finite.
    """
    pitch, roll = angles[:, 1], angles[:, 2]
    with np.errstate(invalid="ignore"):
        sin_p, cos_p, sin_r, cos_r = np.sin(pitch), np.cos(pitch), np.sin(roll), np.cos(roll)
    up = {
        "android_sensor": (sin_r, -cos_r * sin_p, cos_r * cos_p),
        "android_matrix": (-cos_p * sin_r, -sin_p, cos_p * cos_r),
        "aerospace": (-sin_p, cos_p * sin_r, cos_p * cos_r),
    }[convention]
    return np.stack(up, axis=1)


def normalised(vectors: Values) -> Values:
    """Vectors float64 (n, 3) at length 1; NaN where the length is zero or not finite."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Values = vectors / np.where((length > 0) & np.isfinite(length), length, np.nan)
    return unit

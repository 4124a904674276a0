"""Rigid-body motion, and what ideal sensors on the body feel of it.

Frames: world is east-north-up at rest; the body's orientation maps body to world
coordinates. See Titterton and Weston, Strapdown Inertial Navigation Technology (2004),
sections 3.5-3.6: a body-fixed accelerometer measures specific force R^T (a - g), a
gyroscope the angular velocity in the body frame, where dR/dt = R [w]x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mmbind.simulation.chance import Floats

#: Gravity in the world frame, m/s2; 9.81 as in central Europe.
GRAVITY = np.array([0.0, 0.0, -9.81])
#: Earth's magnetic field in the world frame, uT: 20 to the north, 44 down (central Europe).
EARTH_FIELD = np.array([0.0, 20.0, -44.0])


@dataclass(frozen=True)
class Motion:
    """A rigid body's path, evenly sampled.

    Attributes:
        rate_hz: samples per second.
        orientation: n rotations, body to world.
        position: in the world frame, m, shape (n, 3).
    """

    rate_hz: float
    orientation: Rotation
    position: Floats

    @property
    def times(self) -> Floats:
        """Seconds since the start, shape (n,)."""
        return np.arange(len(self.position)) / self.rate_hz

    def acceleration(self) -> Floats:
        """Second derivative of the position in the world frame, m/s2, shape (n, 3).

        Central differences; the two ends repeat their neighbours.
        """
        inner = np.diff(self.position, n=2, axis=0) * self.rate_hz**2
        return np.concatenate([inner[:1], inner, inner[-1:]])

    def specific_force(self) -> Floats:
        """What an ideal accelerometer reads, body frame, m/s2, shape (n, 3)."""
        return _array(self.orientation.inv().apply(self.acceleration() - GRAVITY))

    def angular_velocity(self) -> Floats:
        """What an ideal gyroscope reads, body frame, rad/s, shape (n, 3).

        The rotation vector between the two neighbours of each sample, over their time.
        """
        whole = self.orientation
        turns = _array((whole[:-2].inv() * whole[2:]).as_rotvec()) * self.rate_hz / 2
        return np.concatenate([turns[:1], turns, turns[-1:]])

    def magnetic_field(self) -> Floats:
        """What an ideal magnetometer reads, body frame, uT, shape (n, 3)."""
        return _array(self.orientation.inv().apply(EARTH_FIELD))


def _array(values: object) -> Floats:
    return np.asarray(values, dtype=np.float64)

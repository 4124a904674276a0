"""Wrist loggers: what stands between the motion of a wrist and the numbers in a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from mmbind.simulation.chance import Floats
from mmbind.simulation.motion import Motion


@dataclass(frozen=True)
class Chip:
    """A three-axis sensor of a logger's make; SI units.

    Attributes:
        noise: deviation of white noise on every reading.
        bias: deviation of the constant error of an axis, between devices. A magnetometer's
            is its hard iron.
        gain: deviation of the relative error of an axis's scale, between devices.
        limit: largest absolute reading; beyond it the chip saturates.
    """

    noise: float
    bias: float
    gain: float
    limit: float

    def read(self, ideal: Floats, bias: Floats, gain: Floats, chance: np.random.Generator) -> Floats:
        """Turns ideal readings, shape (n, 3), into what the chip reports."""
        real = ideal * (1 + self.gain * gain) + self.bias * bias + self.noise * chance.standard_normal(ideal.shape)
        return np.clip(real, -self.limit, self.limit)


@dataclass(frozen=True)
class Clockwork:
    """How a make of logger samples time.

    Attributes:
        rate_hz: nominal samples per second.
        skew: deviation of the relative error of the rate, between devices.
        jitter_s: deviation of a sample's moment around the even grid.
        pauses: readings are lost so many times a minute, on average.
        pause_s: mean length of such a pause (exponential).
    """

    rate_hz: float
    skew: float
    jitter_s: float
    pauses: float
    pause_s: float


@dataclass(frozen=True)
class Make:
    """A make of wrist logger.

    Attributes:
        chips: by modality: ``acc`` m/s2, ``gyro`` rad/s, ``mag`` uT.
        clock: how it samples.
        turned: how the board sits in the case, as a rotation vector in degrees.
        worn: deviation, between people, of the case's rotation around the forearm, degrees.
        tilted: the same around the other two axes.
    """

    chips: Mapping[str, Chip]
    clock: Clockwork
    turned: tuple[float, float, float]
    worn: float
    tilted: float


@dataclass(frozen=True)
class Device:
    """One logger on one wrist.

    Attributes:
        make: its make.
        mounting: rotation from its sensors' axes to the wrist's.
        biases: per modality, in units of the chip's deviation, shape (3,).
        gains: likewise.
        skew: relative error of the rate.
    """

    make: Make
    mounting: Rotation
    biases: Mapping[str, Floats]
    gains: Mapping[str, Floats]
    skew: float

    @classmethod
    def draw(cls, make: Make, chance: np.random.Generator) -> Device:
        """Draws a device of a make, and how its owner wears it."""
        worn = np.deg2rad([make.tilted, make.tilted, make.worn]) * chance.standard_normal(3)
        return cls(
            make=make,
            mounting=Rotation.from_rotvec(np.deg2rad(make.turned)) * Rotation.from_rotvec(worn),
            biases={name: chance.standard_normal(3) for name in make.chips},
            gains={name: chance.standard_normal(3) for name in make.chips},
            skew=make.clock.skew * chance.standard_normal(),
        )

    def strapped(self, chance: np.random.Generator, *, degrees: float) -> Device:
        """The same device, strapped on anew: a few degrees off."""
        slip = Rotation.from_rotvec(np.deg2rad(degrees) * chance.standard_normal(3))
        return Device(self.make, self.mounting * slip, self.biases, self.gains, self.skew)


@dataclass(frozen=True)
class Readings:
    """What a device recorded in one session.

    Attributes:
        times: seconds since the session's start, by a perfect clock, increasing, shape (n,).
        signals: by modality, SI units, shape (n, 3).
        labels: the true activity of every reading, shape (n,).
    """

    times: Floats
    signals: Mapping[str, Floats]
    labels: npt.NDArray[np.str_]


def sample_times(device: Device, seconds: float, chance: np.random.Generator) -> Floats:
    """Moments of a session's readings in s: an uneven grid with pauses, strictly increasing."""
    clock = device.make.clock
    step = 1.0 / (clock.rate_hz * (1 + device.skew))
    even = np.arange(int((seconds - 2 * step) / step)) * step + step
    times = even + np.clip(clock.jitter_s * chance.standard_normal(len(even)), -0.4 * step, 0.4 * step)
    keep = np.ones(len(times), dtype=np.bool_)
    for _ in range(chance.poisson(clock.pauses * seconds / 60)):
        start = chance.uniform(0, seconds)
        keep &= (times < start) | (times > start + chance.exponential(clock.pause_s))
    return np.asarray(times[keep], dtype=np.float64)


def sense(device: Device, motion: Motion, times: Floats, chance: np.random.Generator) -> dict[str, Floats]:
    """Reads a motion with a device.

    Args:
        device: the device, on the wrist that moves.
        motion: the wrist's motion.
        times: moments of the readings, s, inside the motion.
        chance: where noise comes from.

    Returns:
        By modality, SI units, shape (len(times), 3).
    """
    ideal = {
        "acc": motion.specific_force(),
        "gyro": motion.angular_velocity(),
        "mag": motion.magnetic_field(),
    }
    signals = {}
    for name, chip in sorted(device.make.chips.items()):
        felt = np.stack([np.interp(times, motion.times, axis) for axis in ideal[name].T], axis=1)
        turned = np.asarray(device.mounting.inv().apply(felt), dtype=np.float64)
        signals[name] = chip.read(turned, device.biases[name], device.gains[name], chance)
    return signals

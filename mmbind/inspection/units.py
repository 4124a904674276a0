"""Units by physics: gravity, the Earth's field, how fast bodies turn, lengths of quaternions.

An accelerometer at rest shows gravity, 9.80665 m/s2 (CGPM 1901), whatever its unit. The
Earth's field is 22 to 67 uT (IGRF-13). When a body turns, the direction of gravity in its
own axes turns the other way: dg/dt = -w x g, which tells what a gyroscope's numbers are
worth, or how fast readings come when that is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmbind.inspection.evidence import Guess
from mmbind.inspection.words import UNITS as NAMED
from mmbind.inspection.words import unit_told
from mmbind.units import GRAVITY, UNITS

Reals = npt.NDArray[np.float64]

#: Readings of a calm moment, and the share of the calmest that are taken for rest.
CALM, CALMEST = 25, 0.2
#: How far gravity may be off: zeros and scales of cheap sensors.
NEAR = 0.15
#: Counts per g that sensors have: full scales of 2 to 16 g over 8 to 16 bits.
COUNTS = tuple(2**power for power in range(5, 16))
#: deg/s per count: full scales of 125 to 2000 deg/s over 16 bits (both signs).
TURNS = tuple(scale / 32768 for scale in (125, 250, 500, 1000, 2000))
#: Readings that are smoothed before turns are compared, and the correlation from which they agree.
SMOOTHED, AGREES = 25, 0.65
#: Fastest turn of a body, rad/s (gyroscopes end at 2000 to 4000 deg/s).
FASTEST = 75.0
#: Units of scalar modalities: what they are when values lie in a range.
_SCALARS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "temperature": (("degC", -60, 90), ("K", 220, 360)),
    "pressure": (("hPa", 300, 1200), ("Pa", 30_000, 120_000), ("kPa", 30, 120)),
    "light": (("lx", 0, 200_000),),
    "humidity": (("%", 0, 100),),
    "heart": (("bpm", 25, 240),),
    "sound": (("dB", -120, 140),),
    "co2": (("ppm", 100, 20_000),),
    "skeleton": (("m", -10, 10), ("mm", -10_000, 10_000)),
}


@dataclass(frozen=True)
class Meaning:
    """What a modality's numbers are.

    Attributes:
        unit: a unit of params.yaml.
        scale: what one count is worth in it; 1 where they are no counts.
    """

    unit: str
    scale: float = 1.0

    @property
    def factor(self) -> float:
        """Value in SI = value as logged x factor."""
        return self.scale * UNITS[self.unit].factor


def rest_length(pieces: Sequence[Reals]) -> float | None:
    """The length of a vector at rest: the median over the calmest moments of all pieces.

    Args:
        pieces: float64 (n, 3), one per file.

    Returns:
        None when there are too few readings.
    """
    lengths, unrest = [], []
    for piece in pieces:
        size = min(CALM, len(piece) // 4)
        if size < 3:
            continue
        count = len(piece) // size
        cut = piece[: count * size].reshape(count, size, piece.shape[1])
        lengths.append(np.linalg.norm(cut.mean(axis=1), axis=1))
        unrest.append(np.linalg.norm(cut.std(axis=1), axis=1))
    if not lengths:
        return None
    length, motion = np.concatenate(lengths), np.concatenate(unrest)
    calm = np.argsort(motion, kind="stable")[: max(int(CALMEST * len(length)), 3)]
    return float(np.median(length[calm]))


def looks_like(values: Reals) -> str | None:
    """Whether vectors without a name are those of an accelerometer, gyroscope or magnetometer.

    An accelerometer's vectors are seldom short, and their mean is long, since gravity never
    stops; a gyroscope falls silent, and its turns cancel. The Earth's field hardly changes its
    length, and a quaternion has length 1.

    Args:
        values: float64 (n, 3 or 4).
    """
    if len(values) < 8:
        return None
    lengths = np.linalg.norm(values, axis=1)
    typical = float(np.sqrt(np.mean(lengths**2)))
    if typical == 0:
        return None
    if values.shape[1] == 4:
        return "orientation" if abs(float(np.median(lengths)) - 1) < 0.1 else None
    if values.shape[1] != 3:
        return None
    if 22 <= float(np.median(lengths)) <= 67 and float(np.std(lengths)) < 0.1 * typical:
        return "mag"
    short = float(np.quantile(lengths, 0.1)) / max(float(np.median(lengths)), 1e-12)
    steadiness = float(np.linalg.norm(values.mean(axis=0))) / typical
    return "gyro" if short < 0.4 or (steadiness < 0.3 and short < 0.7) else "acc"


def meaning_of(name: str, told: Sequence[str], pieces: Sequence[Reals], turned: float | None) -> Guess[Meaning]:
    """What a modality's numbers are.

    Args:
        name: the modality.
        told: its columns' names, which may hold a unit.
        pieces: readings per file, float64 (n, channels).
        turned: for a gyroscope: what its numbers are worth in rad/s by the accelerometer
            beside it (:func:`turned`); None when that cannot be told.
    """
    values = np.concatenate(list(pieces)) if pieces else np.empty((0, 1))
    units = {unit for text in told if (unit := unit_told(text, NAMED))}
    said = units.pop() if len(units) == 1 else None
    if not len(values):
        return Guess(Meaning(said or "1"), "no reading to tell it by", sure=False)
    kind = name if name in _SCALARS else name.rstrip("0123456789")
    if kind == "acc":
        return _acceleration(pieces, values, said)
    if kind == "gyro":
        return _turns(values, said, turned)
    if kind == "mag":
        return _field(values, said)
    if kind == "orientation":
        return _orientation(values, said)
    if kind.endswith("acc") or kind == "gravity":
        return _no_gravity(kind, pieces, said)
    low, high = (float(edge) for edge in np.quantile(values, [0.01, 0.99]))
    for unit, least, most in _SCALARS.get(kind, ()):
        if least <= low and high <= most:
            return Guess(Meaning(unit), f"values from {low:.3g} to {high:.3g}", sure=said == unit)
    return Guess(Meaning(said or "1"), "" if said else "nothing tells its unit; 1 means a bare number", sure=bool(said))


def _acceleration(pieces: Sequence[Reals], values: Reals, said: str | None) -> Guess[Meaning]:
    length = rest_length(pieces)
    if length is None or length == 0:
        return Guess(Meaning(said or "m/s2"), "too few readings to see gravity", sure=False)
    whole = bool((values == np.rint(values)).all())
    for unit in ("m/s2", "g", "mg"):
        true = GRAVITY / UNITS[unit].factor
        if abs(length / true - 1) < NEAR:
            why = f"at rest it is {length:.4g} long: gravity is {true:.5g} {unit}"
            if unit == "mg" and whole:
                return Guess(Meaning(unit), f"{why}; these may be counts, 1024 to 1 g", sure=False)
            return Guess(Meaning(unit), why)
    counts = min(COUNTS, key=lambda each: abs(math.log(length / each)))
    if whole and abs(length / counts - 1) < NEAR:
        return Guess(Meaning("g", 1 / counts), f"whole counts, {length:.4g} at rest: {counts} counts are 1 g")
    scale = float(f"{1 / length:.4g}")
    why = f"at rest it is {length:.4g} long, in no unit that is known; this scale makes that 1 g"
    return Guess(Meaning("g", scale), why, sure=False)


def _no_gravity(kind: str, pieces: Sequence[Reals], said: str | None) -> Guess[Meaning]:
    length = rest_length(pieces) or 0.0
    if abs(length / GRAVITY - 1) < NEAR:
        return Guess(Meaning("m/s2"), f"at rest it is {length:.4g} long: gravity is in it")
    if abs(length - 1) < NEAR:
        return Guess(Meaning("g"), f"at rest it is {length:.4g} long: gravity is in it")
    return Guess(Meaning(said or "m/s2"), f"{kind}: gravity is taken out, so nothing tells its unit", sure=False)


def _turns(values: Reals, said: str | None, turned: float | None) -> Guess[Meaning]:
    fast = float(np.quantile(np.linalg.norm(values, axis=1), 0.999))
    whole = bool((values == np.rint(values)).all())
    if whole and fast > 300:
        scale = TURNS[-1] if turned is None else min(TURNS, key=lambda each: abs(math.log(math.degrees(turned) / each)))
        how = "a full scale of 2000 deg/s is usual" if turned is None else "as gravity turns in the accelerometer"
        return Guess(Meaning("deg/s", float(f"{scale:.6g}")), f"whole counts up to {fast:.4g}; {how}", sure=False)
    if turned is not None:
        unit = min(("rad/s", "deg/s", "mdeg/s"), key=lambda each: abs(math.log(turned / UNITS[each].factor)))
        return Guess(Meaning(unit), f"gravity turns in the accelerometer as in {unit}", sure=said in (None, unit))
    if fast > FASTEST:
        return Guess(Meaning("deg/s"), f"turns up to {fast:.4g}, too many for rad/s")
    if said in ("rad/s", "deg/s"):
        return Guess(Meaning(said), "its name says so")
    return Guess(
        Meaning("rad/s"), f"turns up to {fast:.3g}: rad/s for bodies that move, deg/s if they hardly do", sure=fast > 2
    )


def _field(values: Reals, said: str | None) -> Guess[Meaning]:
    length = float(np.median(np.linalg.norm(values, axis=1)))
    for unit in ("uT", "gauss", "mgauss", "nT", "mT"):
        earth = length * UNITS[unit].factor
        if 22 <= earth <= 67:
            return Guess(Meaning(unit), f"{length:.4g} long: the Earth's field is 22 to 67 uT")
    for unit in ("uT", "gauss", "mgauss", "nT"):
        if 8 <= length * UNITS[unit].factor <= 180:
            return Guess(Meaning(unit), f"{length:.4g} long: near the Earth's field, and iron may be too", sure=False)
    scale = float(f"{45 / max(length, 1e-12):.4g}")
    return Guess(Meaning("uT", scale), f"{length:.4g} long, in no unit; this scale makes it 45 uT", sure=False)


def _orientation(values: Reals, said: str | None) -> Guess[Meaning]:
    if values.shape[1] == 4:
        length = float(np.median(np.linalg.norm(values, axis=1)))
        return Guess(Meaning("1"), f"quaternions, {length:.3g} long", sure=abs(length - 1) < 0.1)
    most = float(np.abs(values).max())
    if most > 2 * math.pi + 0.1:
        return Guess(Meaning("deg"), f"angles up to {most:.4g}", sure=most <= 361)
    return Guess(Meaning(said or "rad"), f"angles up to {most:.3g}", sure=said is not None or most > 1)


@dataclass(frozen=True)
class Turned:
    """What a gyroscope's numbers are worth by how gravity turns in the accelerometer beside it.

    Attributes:
        scale: rad per reading and unit of its numbers.
        fit: correlation of both, 1 when nothing but turning moved the accelerometer.
    """

    scale: float
    fit: float


def turned(acc: Reals, gyro: Reals) -> Turned | None:
    """Compares a gyroscope with how gravity turns in the accelerometer.

    Least squares of dg/dn = -k w x g over smoothed readings. Other accelerations blur it, and
    then k is too small; so of many files the one with the best fit tells most.

    Args:
        acc: float64 (n, 3), any unit, gravity included.
        gyro: float64 (n, 3), the same axes and times.

    Returns:
        None when they do not agree.
    """
    if len(acc) < 3 * SMOOTHED:
        return None
    kernel = np.hanning(SMOOTHED + 2)[1:-1]
    kernel /= kernel.sum()
    smooth = [np.stack([np.convolve(axis, kernel, "valid") for axis in each.T], axis=1) for each in (acc, gyro)]
    length = np.linalg.norm(smooth[0], axis=1)
    gravity = smooth[0] / np.maximum(length, 1e-12)[:, None]
    speed, expected = np.gradient(gravity, axis=0), -np.cross(smooth[1], gravity)
    calm = np.abs(length / np.median(length) - 1) < NEAR
    speed, expected = speed[calm], expected[calm]
    power, both = float((expected**2).sum()), float((speed * expected).sum())
    if power == 0 or both <= 0:
        return None
    fit = both / math.sqrt(power * max(float((speed**2).sum()), 1e-300))
    return Turned(both / power, fit) if fit > AGREES else None


def best_turn(found: Sequence[Turned | None]) -> Turned | None:
    """Of several files, the one that tells most; None when none tells anything: people who hardly turn."""
    return max((each for each in found if each is not None), key=lambda each: each.fit, default=None)

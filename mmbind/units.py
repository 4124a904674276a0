"""Units of sensor readings, and how they become SI.

Records hold SI units and a few that are accepted beside them: m/s2, rad/s, uT, m, m/s, rad,
degC, lx, Pa, Hz, V, S, W, dB, ppm, % and 1. Factors: standard gravity 9.80665 m/s2 (CGPM
1901), 1 gauss = 100 uT, 1 bar = 100 000 Pa, degC and degF as in the SI Brochure (9th ed.,
table 4) and NIST SP 811 (B.8). dB is a logarithm of what the logger says, and stays one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmbind.errors import InputError, nearest

#: Standard gravity in m/s2.
GRAVITY = 9.80665


@dataclass(frozen=True)
class Unit:
    """A unit as logged.

    Attributes:
        name: as written in ``params.yaml``.
        si: the unit that records hold.
        factor: value in SI = value as logged x factor + shift.
        shift: see there; only temperatures have one.
    """

    name: str
    si: str
    factor: float
    shift: float = 0.0


UNITS: dict[str, Unit] = {
    unit.name: unit
    for unit in (
        # acceleration
        Unit("m/s2", "m/s2", 1.0),
        Unit("g", "m/s2", GRAVITY),
        Unit("mg", "m/s2", GRAVITY / 1000),
        # rate of turn, angle
        Unit("rad/s", "rad/s", 1.0),
        Unit("deg/s", "rad/s", math.pi / 180),
        Unit("mdeg/s", "rad/s", math.pi / 180_000),
        Unit("rpm", "rad/s", math.pi / 30),
        Unit("rad", "rad", 1.0),
        Unit("deg", "rad", math.pi / 180),
        # magnetic field
        Unit("uT", "uT", 1.0),
        Unit("nT", "uT", 0.001),
        Unit("mT", "uT", 1000.0),
        Unit("gauss", "uT", 100.0),
        Unit("mgauss", "uT", 0.1),
        # length, speed
        Unit("m", "m", 1.0),
        Unit("cm", "m", 0.01),
        Unit("mm", "m", 0.001),
        Unit("m/s", "m/s", 1.0),
        Unit("km/h", "m/s", 1 / 3.6),
        # surroundings
        Unit("degC", "degC", 1.0),
        Unit("degF", "degC", 5 / 9, -160 / 9),
        Unit("K", "degC", 1.0, -273.15),
        Unit("lx", "lx", 1.0),
        Unit("lux", "lx", 1.0),
        Unit("klx", "lx", 1000.0),
        Unit("Pa", "Pa", 1.0),
        Unit("hPa", "Pa", 100.0),
        Unit("kPa", "Pa", 1000.0),
        Unit("mbar", "Pa", 100.0),
        Unit("bar", "Pa", 100_000.0),
        Unit("dB", "dB", 1.0),
        Unit("ppm", "ppm", 1.0),
        Unit("ppb", "ppm", 0.001),
        Unit("%", "%", 1.0),
        # bodies, circuits
        Unit("Hz", "Hz", 1.0),
        Unit("bpm", "Hz", 1 / 60),
        Unit("V", "V", 1.0),
        Unit("mV", "V", 0.001),
        Unit("uV", "V", 1e-6),
        Unit("S", "S", 1.0),
        Unit("uS", "S", 1e-6),
        Unit("W", "W", 1.0),
        # numbers without a unit
        Unit("1", "1", 1.0),
    )
}

#: Nanoseconds in one unit of a timestamp column.
NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}


def unit(name: str) -> Unit:
    """Looks a unit up.

    Raises:
        InputError: for an unknown unit, with the nearest known one.
    """
    if name not in UNITS:
        raise InputError(f"Unknown unit {name!r}.", hint=nearest(name, UNITS))
    return UNITS[name]

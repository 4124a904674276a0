"""Units of sensor readings, and their factors to SI.

Records hold SI only: m/s2, rad/s, uT, m. Factors: standard gravity 9.80665 m/s2 (CGPM
1901), 1 gauss = 100 uT.
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
        factor: value in SI = value as logged x factor.
    """

    name: str
    si: str
    factor: float


UNITS: dict[str, Unit] = {
    unit.name: unit
    for unit in (
        Unit("m/s2", "m/s2", 1.0),
        Unit("g", "m/s2", GRAVITY),
        Unit("mg", "m/s2", GRAVITY / 1000),
        Unit("rad/s", "rad/s", 1.0),
        Unit("deg/s", "rad/s", math.pi / 180),
        Unit("uT", "uT", 1.0),
        Unit("gauss", "uT", 100.0),
        Unit("m", "m", 1.0),
        Unit("mm", "m", 0.001),
        Unit("rad", "rad", 1.0),
        Unit("deg", "rad", math.pi / 180),
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

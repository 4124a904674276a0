"""Chance, reproducible piece by piece."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import make_interp_spline

from mmbind.files import short_id

Floats = npt.NDArray[np.float64]


def generator(*key: object) -> np.random.Generator:
    """A generator (PCG64) that depends on its key alone, not on the order of calls.

    Args:
        key: e.g. seed, source, subject, session.
    """
    return np.random.Generator(np.random.PCG64(int(short_id("simulation", *key), 16)))


def wander(chance: np.random.Generator, times: Floats, *, rate_hz: float, columns: int = 1) -> Floats:
    """Smooth noise of unit deviation: a cubic spline through independent normal knots.

    Twice continuously differentiable, so that angles that wander have finite accelerations.

    Args:
        chance: where the knots come from.
        times: increasing times in s, shape (n,).
        rate_hz: knots per second; the noise holds little above half of it.
        columns: how many independent ones.

    Returns:
        Shape (n, columns).
    """
    start = times[0] - 2.0 / rate_hz
    count = int(np.ceil((times[-1] - start) * rate_hz)) + 4
    knots = start + np.arange(count) / rate_hz
    spline = make_interp_spline(knots, chance.standard_normal((count, columns)), k=3)
    return np.asarray(spline(times), dtype=np.float64)

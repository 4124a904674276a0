"""Which computation a derived modality is, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmbind.config import (
    DerivedModality,
    GravityFromAcceleration,
    GravityFromEuler,
    GravityFromQuaternion,
    LinearAcceleration,
)
from mmbind.sources.derive.gravity import from_euler, from_quaternion, normalised
from mmbind.sources.derive.slow import slow_part

#: Channels of a direction.
AXES = ["x", "y", "z"]


@dataclass(frozen=True)
class Outcome:
    """What was computed for the readings of one recording.

    Attributes:
        values: float32 (n, channels).
        sound: which readings could be derived, bool (n,).
        reason: why the others could not, one sentence.
    """

    values: npt.NDArray[np.float32]
    sound: npt.NDArray[np.bool_]
    reason: str


def channels_of(spec: DerivedModality, base: Sequence[str]) -> list[str]:
    """Names of its channels.

    Args:
        spec: the derived modality.
        base: the base's channels.
    """
    if isinstance(spec, LinearAcceleration):
        return list(base)
    gravity = isinstance(spec, GravityFromQuaternion | GravityFromEuler | GravityFromAcceleration)
    return list(AXES) if gravity else ["magnitude"]


def unit_of(spec: DerivedModality, base: str) -> str:
    """The unit of its records, from the SI unit of the base."""
    return "1" if spec.kind.startswith("gravity") else base


def derive(
    spec: DerivedModality, times: npt.NDArray[np.int64], values: npt.NDArray[np.float32 | np.float64]
) -> Outcome:
    """Computes a derived modality of one recording.

    Args:
        spec: which one.
        times: int64 ns (n,), ascending.
        values: (n, channels) of the base, SI.
    """
    base = values.astype(np.float64)
    if isinstance(spec, GravityFromQuaternion):
        first, onward = spec.scalar == "first", spec.turns == "device_to_world"
        found = from_quaternion(base, scalar_first=first, device_to_world=onward)
        reason = "its quaternion is zero."
    elif isinstance(spec, GravityFromEuler):
        found, reason = from_euler(base, convention=spec.convention), "an angle is not finite."
    elif isinstance(spec, GravityFromAcceleration):
        found = normalised(slow_part(times, base, cutoff_hz=spec.cutoff_hz))
        reason = "the slow part of its acceleration is zero."
    elif isinstance(spec, LinearAcceleration):
        found, reason = base - slow_part(times, base, cutoff_hz=spec.cutoff_hz), "it is not finite."
    else:
        found, reason = np.linalg.norm(base, axis=1, keepdims=True), "its length is beyond 32 bits."
    with np.errstate(over="ignore"):
        narrow = found.astype(np.float32)
    sound: npt.NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(narrow), axis=1)
    return Outcome(narrow, sound, reason)

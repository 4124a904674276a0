"""Logs whose truth is known: a body that turns, at rest in between, logged in any unit, clock and format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import yaml

from mmbind.config import Source
from mmbind.inspection import Inspection

GRAVITY = 9.80665
#: What a value in SI is divided by, by unit.
PER = {
    "m/s2": 1.0, "g": GRAVITY, "mg": GRAVITY / 1000,
    "rad/s": 1.0, "deg/s": np.pi / 180,
    "uT": 1.0, "gauss": 100.0, "nT": 0.001,
}  # fmt: skip
UNITS = {"acc": "g", "gyro": "deg/s", "mag": "uT"}
NAMES = {"acc": "acc_{}", "gyro": "gyro_{}", "mag": "mag_{}"}
Reals = npt.NDArray[np.float64]


def motion(seed: int, count: int = 1500, rate: float = 50.0) -> dict[str, Reals]:
    """Acceleration, rate of turn and magnetic field in SI, (count, 3) each; still for a third of the time."""
    random = np.random.default_rng(seed)
    seconds = np.arange(count) / rate
    moving = (np.floor(seconds / 3) % 3 > 0)[:, None]
    phases, speeds = random.uniform(0, 6, 3), random.uniform(0.5, 1.5, 3)
    turn = moving * 2.5 * np.sin(2 * np.pi * 0.4 * speeds * seconds[:, None] + phases)
    up, north = random.normal(size=3), random.normal(size=3)
    up, north = up / np.linalg.norm(up), 48 * north / np.linalg.norm(north)
    acc, mag = np.empty((count, 3)), np.empty((count, 3))
    for step in range(count):
        acc[step], mag[step] = GRAVITY * up, north
        angle = np.linalg.norm(turn[step]) / rate
        if angle:
            axis = turn[step] / np.linalg.norm(turn[step])
            up, north = (_turned(vector, axis, -angle) for vector in (up, north))
    shake = moving * random.normal(0, 0.8, (count, 3))
    noise = random.normal(0, 0.02, (count, 3))
    return {"acc": acc + shake + noise, "gyro": turn + noise / 10, "mag": mag + noise * 10}


def _turned(vector: Reals, axis: Reals, angle: float) -> Reals:
    """Rodrigues' formula."""
    around = np.cross(axis, vector) * np.sin(angle)
    turned: Reals = vector * np.cos(angle) + around + axis * (axis @ vector) * (1 - np.cos(angle))
    return turned


def in_units(signals: Mapping[str, Reals], units: Mapping[str, str]) -> dict[str, Reals]:
    """Signals as a logger in these units has them."""
    return {name: signals[name] / PER[unit] for name, unit in units.items()}


def write_csv(
    path: Path, columns: Mapping[str, Reals], *, separator: str = ",", decimal: str = ".", header: bool = True,
    above: str = "", end: str = "", encoding: str = "utf-8", label: str = "",
) -> None:  # fmt: skip
    """Writes columns as text with six digits behind the point."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [separator.join([*columns, *(["activity"] if label else [])])] if header else []
    for cells in zip(*columns.values(), strict=True):
        texts = [f"{cell:.6f}".rstrip("0").rstrip(".").replace(".", decimal) for cell in cells]
        rows.append(separator.join([*texts, *([label] if label else [])]) + end)
    path.write_bytes((above + "\n".join(rows) + "\n").encode(encoding))


def triaxial(signals: Mapping[str, Reals], names: Mapping[str, str]) -> dict[str, Reals]:
    """One column per axis, named by a pattern such as ``acc_{}``."""
    return {names[name].format(axis): signals[name][:, at] for name in signals for at, axis in enumerate("xyz")}


def checked(found: Inspection, *, rate: float | None = 50.0) -> Inspection:
    """Whatever is drafted loads as it stands, conserves rows and has gravity at rest."""
    block = yaml.safe_load(found.draft.text)
    assert Source.model_validate(block[found.draft.name]) == found.draft.source
    acc = found.trial.modalities["acc"]
    assert acc.kept
    assert acc.rest == pytest.approx(GRAVITY, rel=0.02)
    if rate is not None:
        assert all(tried.rate_hz == pytest.approx(rate, rel=0.02) for tried in found.trial.modalities.values())
    return found


def stamped(seed: int, unit_s: float, start: float = 0.0, units: Mapping[str, str] = UNITS) -> dict[str, Reals]:
    """Columns of a log of a moving body: times from ``start`` on in units of ``unit_s`` seconds, and three sensors."""
    signals = in_units(motion(seed), units)
    time = start + np.arange(1500) * 0.02 / unit_s
    return {"time": time, **triaxial(signals, NAMES)}

"""The survey of a source: everything that is measured before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.config import Source
from mmbind.validation.copies import copies, with_files
from mmbind.validation.faults import find_faults
from mmbind.validation.fingerprints import MARKS, fingerprint
from mmbind.validation.measure import channels_of, measure
from mmbind.validation.pose import poses
from mmbind.validation.turning import Turning, turning

#: Units of vectors that show gravity or the magnetic field, and of rates of turn.
ACCELERATION, FIELD, RATE_OF_TURN = "m/s2", "uT", "rad/s"
#: Derived modalities that show gravity in a device's axes.
DIRECTIONS = ("gravity_from_quaternion", "gravity_from_euler")
AXES = 3


@dataclass(frozen=True)
class Survey:
    """What was measured of a source.

    Attributes:
        measured: per modality, the table of :func:`mmbind.validation.measure.measure`.
        faults: per modality, the table of :func:`mmbind.validation.faults.find_faults`.
        turnings: how well vectors agree with the gyroscope, where there is one.
        poses: where accelerations point, per modality the table of :func:`mmbind.validation.pose.poses`.
        kinds: how derived modalities were computed.
        marks: fingerprints of all recordings.
        copies: recordings with the same content, with their files.
    """

    measured: Mapping[str, pl.DataFrame]
    faults: Mapping[str, pl.DataFrame]
    turnings: Mapping[str, Turning]
    poses: Mapping[str, pl.DataFrame]
    kinds: Mapping[str, str]
    marks: pl.DataFrame
    copies: pl.DataFrame


def survey(records: Path, manifest: Mapping[str, Any], recordings: pl.DataFrame, config: Source) -> Survey:
    """Measures a source's records.

    Args:
        records: their folder.
        manifest: what ingest states of them.
        recordings: the table of recordings.
        config: the source's section.
    """
    names, kinds = config.offered, {name: spec.kind for name, spec in config.derived.items()}
    files = {name: _files_of(recordings, name) for name in names}
    measured = {name: measure(records, name, files[name]) for name in names}
    faults = {name: find_faults(records, name, files[name], _greatest(measured[name])) for name in names}
    own = [name for name in names if name not in kinds or config.derived[name].base not in names]
    marks = pl.concat([pl.DataFrame(schema=MARKS), *(fingerprint(records, name) for name in own)])
    owners = pl.concat([files[name].with_columns(modality=pl.lit(name)) for name in names])
    units = {name: manifest["modalities"].get(name, {}).get("unit", "") for name in names}
    return Survey(
        measured=measured,
        faults=faults,
        turnings=_turnings(records, files, units, kinds, measured),
        poses=_poses(records, recordings, files, units, kinds, measured),
        kinds=kinds,
        marks=marks,
        copies=with_files(copies(marks), owners),
    )


def _turnings(
    records: Path,
    files: Mapping[str, pl.DataFrame],
    units: Mapping[str, str],
    kinds: Mapping[str, str],
    measured: Mapping[str, pl.DataFrame],
) -> dict[str, Turning]:
    """Per vector, the agreement with the gyroscope that fits it best."""
    triaxial = [name for name in files if len(channels_of(measured[name])) == AXES]
    gyroscopes = [name for name in triaxial if units[name] == RATE_OF_TURN and name not in kinds]
    found = {}
    for name in triaxial:
        read = units[name] in (ACCELERATION, FIELD) and name not in kinds
        if read or kinds.get(name) in DIRECTIONS:
            gravity = units[name] == ACCELERATION
            tried = [turning(records, name, other, files[name], gravity=gravity) for other in gyroscopes]
            known = [turn for turn in tried if turn is not None]
            if known:
                found[name] = max(known, key=lambda turn: turn.agreement)
    return found


def _poses(
    records: Path,
    recordings: pl.DataFrame,
    files: Mapping[str, pl.DataFrame],
    units: Mapping[str, str],
    kinds: Mapping[str, str],
    measured: Mapping[str, pl.DataFrame],
) -> dict[str, pl.DataFrame]:
    """Per acceleration, where each file's gravity points beside its fellows."""
    worn = recordings.select("recording", "device", "placement")
    return {
        name: poses(records, name, files[name].join(worn, on="recording", maintain_order="left"))
        for name in files
        if len(channels_of(measured[name])) == AXES and units[name] == ACCELERATION and name not in kinds
    }


def _greatest(measured: pl.DataFrame) -> float:
    """The greatest absolute value of a modality; 0 when it has none."""
    ends = [f"{end}:{name}" for name in channels_of(measured) for end in ("min", "max")]
    values = [measured[end].abs().max() for end in ends]
    return max((float(str(value)) for value in values if value is not None), default=0.0)


def _files_of(recordings: pl.DataFrame, modality: str) -> pl.DataFrame:
    """Recording and file of a modality; where recordings are several files, each modality has its own."""
    own = f"file_{modality}"
    return recordings.select("recording", file=own if own in recordings.columns else "file")

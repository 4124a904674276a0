"""A few real logs per data set, from the packed archives, and sources that declare them."""

from __future__ import annotations

import re
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from mmbind.config import Params
from mmbind.errors import GateError
from mmbind.files import read_json
from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.validation import validate
from tests.support import raw_archives, tiny_params

XYZ = list("xyz")


def unpack(archive: str, pattern: str, count: int, folder: Path) -> None:
    """Writes the first members of a packed data set whose paths fit, below a folder; stops when it has them."""
    with tarfile.open(raw_archives() / archive, "r|xz") as packed:
        for member in packed:
            if re.search(pattern, member.name) and (stream := packed.extractfile(member)):
                target = folder / Path(member.name).relative_to(Path(member.name).parts[0])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(stream.read())
                count -= 1
                if count == 0:
                    return
    raise AssertionError(f"{archive} has {count} files less of {pattern} than asked for")


def modality(columns: list[Any], unit: str, clock: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"columns": columns, "channels": XYZ[: len(columns)], "unit": unit, "clock": clock, **more}


def stamped(column: str, unit: str) -> dict[str, Any]:
    return {"kind": "timestamp", "column": column, "unit": unit}


def counted(rate_hz: float) -> dict[str, Any]:
    return {"kind": "sample_index", "rate_hz": rate_hz}


def wrist_and_pocket() -> dict[str, Any]:
    """GeoTec: a watch and a phone, 100 Hz, CSV."""
    return {
        "files": "**/*.csv",
        "reader": {"format": "delimited"},
        "identity": {"pattern": r"(?P<subject>s\d+)_(?P<session>\d+\w*)_(?P<device>s[pw])"},
        "labels": {"column": "label"},
        "modalities": {
            "acc": modality(["x_acc", "y_acc", "z_acc"], "m/s2", stamped("timestamp", "ms")),
            "gyro": modality(["x_gyro", "y_gyro", "z_gyro"], "rad/s", stamped("timestamp", "ms")),
        },
    }


def gestures() -> dict[str, Any]:
    """UTD-MHAD: an inertial sensor and a skeleton, MATLAB."""
    return {
        "join": {"acc": "Inertial/*.mat", "gyro": "Inertial/*.mat", "skeleton": "Skeleton/*.mat"},
        "reader": {"format": "matlab"},
        "identity": {"pattern": r"a(?P<label>\d+)_s(?P<subject>\d+)_t(?P<session>\d+)_"},
        "modalities": {
            "acc": modality([0, 1, 2], "g", counted(50), variable="d_iner"),
            "gyro": modality([3, 4, 5], "deg/s", counted(50), variable="d_iner"),
            "skeleton": {"variable": "d_skel", "time_axis": 2, "unit": "m", "clock": counted(30)},
        },
    }


def watch() -> dict[str, Any]:
    """WEDA-FALL: acceleration and a quaternion, 50 Hz in bursts, CSV."""
    orientation = [f"orientation_{part}_list" for part in "sijk"]
    return {
        "join": {"acc": "**/U??_R??_accel.csv", "orientation": "**/*_orientation.csv"},
        "reader": {"format": "delimited"},
        "identity": {"pattern": r"(?P<label>[DF]\d+)/U(?P<subject>\d+)_R(?P<session>\d+)_"},
        "modalities": {
            "acc": modality([f"accel_{axis}_list" for axis in XYZ], "m/s2", stamped("accel_time_list", "s")),
            "orientation": {
                **modality(orientation, "1", stamped("orientation_time_list", "s")),
                "channels": list("wxyz"),
            },
        },
    }


def study_of(root: Path, source: dict[str, Any]) -> Study:
    """A study with one source ``s``, judged by the repository's suites."""
    root.mkdir(parents=True, exist_ok=True)
    params = {**tiny_params(), "sources": {"s": source}}
    windows = {name: {"steps": 32} for name in source["modalities"]}
    params["windows"] = {**params["windows"], "modalities": windows}
    first = next(iter(windows))
    params["shared"] = {**params["shared"], "modality": first}
    for role in params["roles"].values():
        role["modalities"] = [first]
    Params.model_validate(params)
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return Study.load(root)


def judged(study: Study) -> dict[str, dict[str, Any]]:
    """Ingests and validates the source; the broken rules by name, as the judgement has them."""
    ingest(study, "s")
    with suppress(GateError):
        validate(study, "s")
    rules = read_json(study.validation("s"))["rules"]
    return {rule["rule"]: rule for rule in rules if not rule["passed"]}


def files_of(rule: dict[str, Any]) -> set[str]:
    """The files that a broken rule names."""
    return {Path(finding["file"]).name for finding in rule["worst"]}

"""A study with a protocol on a tiny store of windows: six people, three motions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmbind.study import Study
from tests.support import write_store, write_study
from tests.unit.evaluation.studied import CLASSES, signals

ROTATIONS = [
    {"name": "t0", "subjects": {}},
    {"name": "p0", "subjects": {"A": ["p5", "p6"], "B": ["p1", "p2"], "target": ["p3"], "test": ["p4"]}},
    {"name": "p1", "subjects": {"A": ["p3", "p4"], "B": ["p5", "p6"], "target": ["p1"], "test": ["p2"]}},
]
PROTOCOL: dict[str, Any] = {
    "name": "tiny",
    "tasks": {"complete": ["acc", "gyro", "mag"], "absent_shared": ["gyro", "mag"]},
    "labels": [6, 9],
    "draws": ["balanced", "random"],
    "tuning": ["t0"],
    "reported": ["p0", "p1"],
    "seeds": [0, 1],
    "methods": ["lower", "mmbind"],
    "ablations": {
        "no_own": {"change": {"training.student.own_windows": False}, "methods": ["mmbind"]},
        "two_partners": {"change": {"binding.partners": 2, "training.propagate": False}},
    },
}
#: Parts of the protocol for a small grid.
SMALL: dict[str, Any] = {
    "tasks": {"complete": ["acc", "gyro", "mag"]},
    "labels": [3, 6],
    "draws": ["balanced"],
    "seeds": [0],
}


def write_gridded(root: Path, **protocol: Any) -> Study:
    """Writes params and windows; keyword arguments replace parts of the protocol."""
    study = write_study(root, rotations=ROTATIONS, protocol={**PROTOCOL, **protocol})
    subjects = [f"p{number}" for number in range(1, 7) for _ in range(12)]
    labels = [CLASSES[number % 3] for number in range(len(subjects))]
    # one name for the windows of every study, so that equal studies have equal bytes
    write_store(study.windows("s"), signals(labels, 5), subjects=subjects, labels=labels, prefix="gridded")
    return study


def stored(study: Study) -> dict[str, bytes]:
    """The bytes of the stored tables by name."""
    return {path.name: path.read_bytes() for path in sorted((study.root / "results").glob("*.parquet"))}

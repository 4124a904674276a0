"""Window stores of sources with people whose signals are all different."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmbind.study import Study
from mmbind.windows.store import WindowStore
from tests.support import tiny_params, write_store, write_study

CLASSES = ["jog", "sit", "walk"]
PEOPLE = ["p1", "p2", "p3", "p4", "p5", "p6"]


def signals(count: int, seed: int, modalities: dict[str, int] | None = None) -> dict[str, np.ndarray]:
    """Random signals (count, steps, 3) by modality; steps as given."""
    draw = np.random.default_rng(seed)
    steps = modalities or {"acc": 32, "gyro": 32, "mag": 32}
    return {name: draw.normal(size=(count, length, 3)).astype(np.float32) for name, length in steps.items()}


def write_source(
    study: Study,
    source: str = "s",
    *,
    subjects: list[str] = PEOPLE,
    each: int = 12,
    seed: int = 0,
    labels: list[str | None] | None = None,
    modalities: dict[str, int] | None = None,
    **kwargs: Any,
) -> WindowStore:
    """A source's store: ``each`` windows per subject, classes in turn."""
    count = len(subjects) * each
    return write_store(
        study.windows(source),
        kwargs.pop("signals", signals(count, seed, modalities)),
        subjects=[subject for subject in subjects for _ in range(each)],
        labels=labels or [CLASSES[i % len(CLASSES)] for i in range(count)],
        source=source,
        prefix=source,
        **kwargs,
    )


def two_sources() -> dict[str, Any]:
    """A ``sources`` section with the sources s and t."""
    source = tiny_params()["sources"]["s"]
    return {"s": source, "t": source}


def roles(**changes: dict[str, Any]) -> dict[str, Any]:
    """The tiny study's roles; keyword arguments change fields of a role or add one."""
    known = tiny_params()["roles"]
    return known | {name: known.get(name, {}) | fields for name, fields in changes.items()}


def people(root: Path, **sections: Any) -> Study:
    """A study whose source s has six people with twelve windows each."""
    study = write_study(root / "study", **sections)
    write_source(study)
    return study

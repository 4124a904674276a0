"""A study as it stands before evaluate: roles, truth and pairs, with motions that a class tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmbind.files import write_json, write_parquet
from mmbind.schema import PAIRS
from mmbind.study import Study
from tests.support import write_store, write_study
from tests.unit.binding.rig import put_embeddings, random_vectors

CLASSES = ["jump", "run", "walk"]
MODALITIES = ["acc", "gyro", "mag"]
PER_CLASS = {"A": 4, "B": 5, "target": 4, "test": 3}


def signals(labels: list[str], seed: int) -> dict[str, np.ndarray]:
    """Noisy sines whose frequency is the class."""
    generator = np.random.default_rng(seed)
    time = np.linspace(0, 2, 32)[None, :, None]
    speed = np.array([1 + CLASSES.index(label) for label in labels])[:, None, None]
    phase = np.arange(3)[None, None, :]
    clean = np.sin(2 * np.pi * speed * time + phase)
    return {name: (clean + 0.3 * generator.standard_normal(clean.shape)).astype(np.float32) for name in MODALITIES}


def write_studied(root: Path, **sections: Any) -> Study:
    """Writes params, roles, truth and pairs (each window with the next of the other role)."""
    study = write_study(root, **sections)
    ids: dict[str, list[str]] = {}
    for seed, (role, count) in enumerate(PER_CLASS.items()):
        labels = [label for label in CLASSES for _ in range(count)]
        every = signals(labels, seed)
        shown = study.params.roles[role].modalities
        known: list[str | None] = [None] * len(labels)
        if role == "target":
            known = [label if number % count < 2 else None for number, label in enumerate(labels)]
        people = {"subjects": [f"person of {role}"] * len(labels), "prefix": role}
        store = write_store(study.role(role), {name: every[name] for name in shown}, labels=known, **people)
        masked = {name: every[name] for name in MODALITIES if name not in shown}
        write_store(study.truth(role), masked, labels=labels, **people)
        ids[role] = store.ids
    rows = []
    for role, other, borrowed in (("A", "B", "mag"), ("B", "A", "gyro")):
        for number, anchor in enumerate(ids[role]):
            partner = ids[other][number % len(ids[other])]
            rows.append((anchor, "s", partner, "s", "acc", borrowed, 0.9, 1, 0.1, False, 0.95))
    pairs = pl.DataFrame(rows, schema=PAIRS, orient="row").sort("anchor", "borrowed_modality", "rank")
    write_parquet(study.bindings / "pairs.parquet", pairs)
    for seed, role in enumerate(("A", "B")):
        put_embeddings(study, role, random_vectors(len(ids[role]), seed=seed), np.ones(len(ids[role]), bool))
    write_json(study.bindings / "manifest.json", {"id": "0" * 64})
    return study

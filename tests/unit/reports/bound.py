"""A small study that has been bound by hand: known signals, labels and pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.files import write_json, write_parquet
from mmbind.schema import PAIRS
from mmbind.study import Study
from tests.support import write_store, write_study

LABELS = ["walk", "walk", "sit", "sit", "<b>wave</b> & bow", "<b>wave</b> & bow"]


def bound_study(
    root: Path,
    *,
    labels: Sequence[str | None] = LABELS,
    truth: bool = True,
    pairs: pl.DataFrame | None = None,
    drawn: int = 1,
    noise: float = 0.3,
    channels: int = 3,
    prefixes: tuple[str, str] = ("A", "B"),
) -> Study:
    """Roles A (acc, gyro) and B (acc, mag) with one window per label, and pairs by nearest signal.

    Args:
        root: a folder for the study.
        labels: labels of the windows of A and of B.
        truth: write truth stores with the labels.
        pairs: the pairs; those of :func:`nearest_pairs` when None.
        drawn: how many pairs the report draws.
        noise: how much windows of one label differ.
        channels: channels of every modality.
        prefixes: what the window ids of A and of B are made of.
    """
    study = write_study(root, report={"drawn_pairs": drawn})
    random = np.random.default_rng(5)
    kinds = sorted({label or "" for label in labels})
    typical = random.normal(size=(len(kinds), 32, channels)).cumsum(axis=1)
    shapes = typical[[kinds.index(label or "") for label in labels]]
    stores = {}
    for role, other, prefix in (("A", "gyro", prefixes[0]), ("B", "mag", prefixes[1])):
        acc = shapes + noise * random.normal(size=shapes.shape).cumsum(axis=1)
        signals = {"acc": acc, other: random.normal(size=shapes.shape)}
        people = [f"{role.lower()}{number % 2}" for number in range(len(labels))]
        stores[role] = write_store(
            study.role(role), signals, subjects=people, labels=[None] * len(labels), source="s", prefix=prefix
        )
        if truth:
            write_store(study.truth(role), {}, subjects=people, labels=labels, source="s", prefix=prefix)
    table = nearest_pairs(stores["A"].gather("acc"), stores["B"].gather("acc"), stores["A"].ids, stores["B"].ids)
    write_pairs(study, table if pairs is None else pairs)
    return study


def write_pairs(study: Study, pairs: pl.DataFrame) -> None:
    """Writes the bindings of a study."""
    write_parquet(study.bindings / "pairs.parquet", pairs)
    manifest = {
        "id": "ab" * 32,
        "inputs": {"A": {"encoder": "cd" * 32, "windows": 6}},
        "params": {"partners": 1, "weight": {"kind": "log"}},
        "digests": {"pairs.parquet": "ef" * 32},
    }
    write_json(study.bindings / "manifest.json", manifest)


def nearest_pairs(a: np.ndarray, b: np.ndarray, a_ids: Sequence[str], b_ids: Sequence[str]) -> pl.DataFrame:
    """Pairs by cosine of the signals, (n, ...) each, in both directions."""
    left, right = (x.reshape(len(x), -1).astype(np.float64) for x in (a, b))
    left, right = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (left, right))
    return pairs_of(left @ right.T, a_ids, b_ids)


def pairs_of(similarity: np.ndarray, a_ids: Sequence[str], b_ids: Sequence[str]) -> pl.DataFrame:
    """The nearest partner of every window, from a similarity matrix (A, B)."""
    rows = []
    for matrix, ours, theirs, borrowed in (
        (similarity, a_ids, b_ids, "mag"),
        (similarity.T, b_ids, a_ids, "gyro"),
    ):
        for row, anchor in enumerate(ours):
            best = int(matrix[row].argmax())
            score = float(matrix[row, best])
            margin = score - float(np.sort(matrix[row])[-2]) if matrix.shape[1] > 1 else None
            mutual = bool(matrix[:, best].argmax() == row)
            rows.append((anchor, "s", theirs[best], "s", "acc", borrowed, score, 1, margin, mutual, max(score, 0)))
    return pl.DataFrame(rows, schema=dict(PAIRS), orient="row").sort("anchor", "borrowed_modality", "rank")


def oracle_pairs(study: Study) -> pl.DataFrame:
    """Pairs of equal label, from a study's truth."""
    from mmbind.windows.store import WindowStore

    a, b = (WindowStore.open(study.truth(role), stage="assign").index for role in "AB")
    same = np.equal.outer(a["label"].to_numpy(), b["label"].to_numpy()).astype(np.float64)
    return pairs_of(same, a["window"].to_list(), b["window"].to_list())

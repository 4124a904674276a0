"""Studies whose embeddings are chosen by the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.encoders.store import index_digest, write_embeddings
from mmbind.files import whole_folder
from mmbind.study import Study
from mmbind.windows.store import ModalitySpec, StoreWriter, WindowStore
from tests.support import write_study

STEPS = 4
#: The paper's pairing: the nearest by the embedding, whatever the signals.
PLAIN = {"partners": 1, "rerank": {"kind": "none"}, "select": {"kind": "nearest"}}


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32."""
    doubles = np.asarray(vectors, dtype=np.float64)
    return (doubles / np.linalg.norm(doubles, axis=1, keepdims=True)).astype(np.float32)


def random_vectors(count: int, dimensions: int = 8, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, dimensions)))


def put_role(
    study: Study,
    role: str,
    modalities: Sequence[str],
    vectors: np.ndarray,
    *,
    absent: Mapping[str, Sequence[int]] | None = None,
    order: Sequence[int] | None = None,
    steps: int = STEPS,
    names: Sequence[str] | None = None,
    signals: np.ndarray | None = None,
    subjects: Sequence[str] | None = None,
    starts: Sequence[int] | None = None,
) -> None:
    """Writes a role's windows and their embeddings.

    Args:
        study: the study.
        role: the role.
        modalities: what the role has.
        vectors: one per window, in order of the window ids (role + number).
        absent: positions of the windows that lack a modality; without the shared one a
            window has no embedding.
        order: the order of the rows in ``vectors.npy``.
        steps: samples per window.
        names: window ids, sorted.
        signals: of the modality acc, (windows, steps, 1); zeros when None.
        subjects: one per window; all the same when None.
        starts: start_ns of each window; 0 when None.
    """
    count = len(vectors)
    ids = list(names or [f"{role.lower()}{i:04d}" for i in range(count)])
    missing = {name: set((absent or {}).get(name, ())) for name in modalities}
    index = pl.DataFrame(
        {
            "window": ids,
            "recording": ids,
            "source": [f"source_{role.lower()}"] * count,
            "subject": list(subjects or ["p"] * count),
            "start_ns": list(starts or [0] * count),
            "stop_ns": [start + 1 for start in starts or [0] * count],
            "label": pl.Series([None] * count, dtype=pl.String),
        },
        schema_overrides=dict.fromkeys(("window", "recording", "source", "subject"), pl.String)
        | {"start_ns": pl.Int64, "stop_ns": pl.Int64},
    )
    specs = {name: ModalitySpec(steps, ["x"], "m/s2", None) for name in modalities}
    present = {name: np.array([i not in missing[name] for i in range(count)], dtype=bool) for name in modalities}
    with whole_folder(study.role(role)) as folder:
        writer = StoreWriter(folder, specs)
        values = {n: np.zeros((count, steps, 1), np.float32) for n in present}
        if signals is not None:
            values["acc"] = signals.astype(np.float32)
        writer.add(index, {n: (p, values[n][p]) for n, p in present.items()})
        writer.close({})
    put_embeddings(study, role, vectors, present.get("acc", np.ones(count, bool)), order)


def put_embeddings(
    study: Study, role: str, vectors: np.ndarray, embedded: np.ndarray, order: Sequence[int] | None = None
) -> None:
    store = WindowStore.open(study.role(role), stage="assign")
    rows = np.flatnonzero(embedded)
    ids = [store.ids[i] for i in rows]
    manifest = {"encoder": "e", "modality": "acc", "role": role, "role_index": index_digest(store), "counts": {}}
    with whole_folder(study.embeddings(role)) as folder:
        write_embeddings(folder, ids, [vectors[rows]] if len(rows) else [], vectors.shape[1], manifest)
        if order is not None:
            shuffled = np.asarray(order)
            np.save(folder / "vectors.npy", vectors[rows][shuffled])
            index = pl.DataFrame({"window": [ids[i] for i in shuffled], "row": range(len(ids))})
            index.write_parquet(folder / "index.parquet")


def two_roles(root: Path, a: np.ndarray, b: np.ndarray, **binding: object) -> Study:
    """A has acc and gyro, B has acc and mag."""
    study = write_study(root, binding={**PLAIN, **binding})
    put_role(study, "A", ["acc", "gyro"], a)
    put_role(study, "B", ["acc", "mag"], b)
    return study

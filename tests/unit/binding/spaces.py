"""Studies whose roles share different modalities, with embeddings chosen by the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mmbind.encoders.spaces import open_spaces
from mmbind.encoders.store import index_digest, write_embeddings
from mmbind.files import whole_folder
from mmbind.study import Study
from tests.support import tiny_params, write_store, write_study
from tests.unit.binding.rig import PLAIN, unit

#: A and C share nothing.
CHAIN = {"A": ["acc"], "B": ["acc", "gyro"], "C": ["gyro", "mag"]}
#: What they are compared by.
CHAINED = MappingProxyType({"modality": "acc", "also": ["gyro"]})


def study_of(
    root: Path,
    has: Mapping[str, list[str]],
    *,
    shared: Mapping[str, Any] = CHAINED,
    order: list[str] | None = None,
    **binding: Any,
) -> Study:
    """A study with these unlabelled roles, in this order."""
    params = tiny_params()
    roles = {
        name: {"sources": ["s"], "subjects": [f"q{name.lower()}"], "modalities": has[name]} for name in order or has
    }
    fixed = {name: params["roles"][name] for name in ("target", "test")}
    windowed = {name: {"steps": 8} for name in ("acc", "gyro", "mag", "skeleton")}
    windows = {**params["windows"], "modalities": windowed}
    section = {**params["shared"], "encoder": "statistics", **shared}
    return write_study(root, roles={**roles, **fixed}, windows=windows, shared=section, binding={**PLAIN, **binding})


def fill(
    study: Study,
    has: Mapping[str, list[str]],
    classes: Mapping[str, np.ndarray],
    *,
    noise: float = 0.1,
    seed: int = 0,
    lacking: int = 0,
) -> dict[str, dict[str, int]]:
    """Windows of known classes in every role, and embeddings that show the class in every space.

    Args:
        study: of :func:`study_of`.
        has: the modalities of every role.
        classes: the class of every window, by role.
        noise: how much embeddings of one class differ.
        seed: of signals and embeddings.
        lacking: windows of every role that lack its first modality.

    Returns:
        The class of every window by role and id.
    """
    random = np.random.default_rng(seed)
    known = {}
    for role in sorted(has):
        ours = classes[role]
        signals = {name: random.normal(size=(len(ours), 8, 3)).astype(np.float32) for name in has[role]}
        people, labels = [role.lower()] * len(ours), [f"class {each}" for each in ours]
        plain = [None] * len(ours)
        without = {sorted(has[role])[0]: range(lacking)}
        store = write_store(
            study.role(role), signals, subjects=people, labels=plain, prefix=role, source=f"s{role}", absent=without
        )
        write_store(study.truth(role), {}, subjects=people, labels=labels, prefix=role, source=f"s{role}")
        truth = dict(zip(store.ids, _in_order(study, role, store.ids), strict=True))
        known[role] = truth
    for key, windows in open_spaces(study).items():
        for role, store in windows.stores.items():
            ids = [store.ids[at] for at in windows.usable(role)]
            ours = np.array([known[role][window] for window in ids], dtype=np.int64)
            vectors = unit(np.eye(12)[ours] + noise * random.normal(size=(len(ours), 12)))
            manifest = {"encoder": key, "modality": windows.shared.modality, "role": role, "counts": {}}
            with whole_folder(study.embeddings(role, key)) as folder:
                told = {**manifest, "role_index": index_digest(store)}
                write_embeddings(folder, ids, [vectors], vectors.shape[1], told)
    return known


def _in_order(study: Study, role: str, ids: list[str]) -> list[int]:
    from mmbind.windows.store import WindowStore

    truth = WindowStore.open(study.truth(role), stage="assign")
    labels = dict(zip(truth.ids, truth.index["label"], strict=True))
    return [int(labels[window].split()[1]) for window in ids]

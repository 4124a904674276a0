"""What several test rooms build on: a small study, and window stores with known signals."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from mmbind.config import Params
from mmbind.files import short_id, whole_folder
from mmbind.study import Study
from mmbind.windows.store import ModalitySpec, StoreWriter, WindowStore

ROOT = Path(__file__).resolve().parents[1]


def tiny_params(**sections: Any) -> dict[str, Any]:
    """A small valid ``params.yaml`` as a dict; keyword arguments replace whole sections."""
    clock = {"kind": "timestamp", "column": "t", "unit": "ms"}

    def modality(name: str, unit: str) -> dict[str, Any]:
        return {"columns": [f"{name}_{a}" for a in "xyz"], "channels": list("xyz"), "unit": unit, "clock": clock}

    source = {
        "files": "*.csv",
        "reader": {"format": "delimited"},
        "identity": {"pattern": r"(?P<subject>\w+)_(?P<session>\d+)\.csv$", "device": "d", "placement": "wrist"},
        "labels": {"column": "label"},
        "modalities": {
            "acc": modality("acc", "m/s2"),
            "gyro": modality("gyro", "rad/s"),
            "mag": modality("mag", "uT"),
        },
    }
    every = ["acc", "gyro", "mag"]
    params: dict[str, Any] = {
        "house": str(ROOT),
        "compute": {"device": "cpu", "precision": "float32", "threads": 1},
        "sources": {"s": source},
        "windows": {
            "cut": {"kind": "sliding", "length_s": 2.0, "hop_s": 2.0},
            "modalities": {name: {"steps": 32} for name in every},
        },
        "roles": {
            "A": {"sources": ["s"], "subjects": ["p1", "p2"], "modalities": ["acc", "gyro"]},
            "B": {"sources": ["s"], "subjects": ["p3", "p4"], "modalities": ["acc", "mag"]},
            "target": {
                "sources": ["s"],
                "subjects": ["p5"],
                "modalities": every,
                "labels": {"count": 12, "draw": "balanced"},
            },
            "test": {"sources": ["s"], "subjects": ["p6"], "modalities": every},
        },
        "shared": {"modality": "acc", "dimensions": 16, "width": 8, "schedule": {"epochs": 2, "batch": 16}},
        "binding": {"partners": 1},
        "report": {"drawn_pairs": 10},
        "training": {
            "network": {"width": 8, "features": 16, "projection": 8},
            "pretrain": {"epochs": 2, "batch": 16},
            "finetune": {"epochs": 2, "batch": 8},
        },
        "evaluation": {"methods": ["lower", "mim", "mmbind", "upper", "oracle"], "seeds": [0, 1], "workers": 1},
    }
    return {**params, **sections}


def write_study(root: Path, **sections: Any) -> Study:
    """Writes ``params.yaml`` into a new folder and opens the study."""
    root.mkdir(parents=True, exist_ok=True)
    values = tiny_params(**sections)
    Params.model_validate(values)
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return Study.load(root)


def write_store(
    path: Path,
    signals: Mapping[str, np.ndarray],
    *,
    subjects: Sequence[str],
    labels: Sequence[str | None],
    source: str = "s",
    unit: str = "m/s2",
    prefix: str = "",
    absent: Mapping[str, Collection[int]] = MappingProxyType({}),
) -> WindowStore:
    """Writes a store whose windows have the given modalities.

    Args:
        path: the store's folder.
        signals: per modality float32 (n, steps, channels); row i belongs to window i
            before sorting by window id.
        subjects: one per window.
        labels: one per window, None for none.
        source: the source's name.
        unit: the unit of every channel.
        prefix: part of the window ids, to tell stores apart.
        absent: per modality, the windows that lack it.
    """
    count = len(subjects)
    ids = [short_id(prefix or path.as_posix(), i) for i in range(count)]
    order = np.argsort(ids)
    index = pl.DataFrame(
        {
            "window": [ids[i] for i in order],
            "recording": [short_id("recording", ids[i]) for i in order],
            "source": [source] * count,
            "subject": [subjects[i] for i in order],
            "start_ns": [int(i) * 2_000_000_000 for i in order],
            "stop_ns": [int(i + 1) * 2_000_000_000 for i in order],
            "label": [labels[i] for i in order],
        },
        schema_overrides={"label": pl.String},
    )
    specs = {
        name: ModalitySpec(values.shape[1], [f"c{i}" for i in range(values.shape[2])], unit, 16.0)
        for name, values in signals.items()
    }
    with whole_folder(path) as folder:
        writer = StoreWriter(folder, specs)
        here = {name: ~np.isin(order, list(absent.get(name, ()))) for name in signals}
        writer.add(index, {n: (here[n], v[order][here[n]].astype(np.float32)) for n, v in signals.items()})
        writer.close({"windows": count})
    return WindowStore.open(path, stage="assign")


def raw_archives() -> Path:
    """The folder of the packed real data sets (MMBIND_RAW, default ``../shared/data``).

    Skips loudly where they are missing; fails in CI.
    """
    folder = Path(os.environ.get("MMBIND_RAW", ROOT.parent / "shared" / "data"))
    if not (folder / "utd_mhad.tar.xz").is_file():
        message = f"The raw data sets are missing in {folder}; set MMBIND_RAW to their folder."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder

"""Bindings written by hand, as versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from mmbind.files import write_json, write_parquet
from mmbind.schema import PAIRS
from mmbind.study import Study
from mmbind.versions.version import Version


def pairs_of(partners: dict[str, str]) -> pl.DataFrame:
    """A table of pairs from partner by anchor, in the anchors' order."""
    rows = [(a, "s", b, "t", "acc", "gyro", 0.9, 1, 0.1, True, 0.8) for a, b in sorted(partners.items())]
    return pl.DataFrame(rows, schema=dict(PAIRS), orient="row")


def manifest_of(identity: str, *, partners: int = 1, mutual: float = 0.5, bound: int = 3) -> dict[str, Any]:
    """A manifest of a binding of four anchors."""
    return {
        "id": (identity * 64)[:64],
        "inputs": {"A": {"embeddings": "e" * 64, "windows": 4}},
        "params": {"partners": partners, "weight": {"kind": "log"}},
        "counts": {"anchors": 4, "bound": bound, "pairs": bound},
        "digests": {"pairs.parquet": "d" * 64},
        "quality": {"mutual": mutual, "coverage": 0.75, "loans": {"A borrows gyro": {"mutual": mutual}}},
    }


def write_binding(
    study: Study, manifest: dict[str, Any], partners: dict[str, str], purity: float | None = None
) -> None:
    """Writes a binding into a study, as bind and report do."""
    write_parquet(study.bindings / "pairs.parquet", pairs_of(partners))
    write_json(study.bindings / "manifest.json", manifest)
    metrics = {} if purity is None else {"purity": {"mean": purity, "chance": 0.25}}
    write_json(study.metrics("binding"), {"pairs": len(partners), **metrics})


def version(folder: Path, name: str, chosen: dict[str, str], **described: Any) -> Version:
    """A version whose pairs lie in a folder."""
    path = folder / f"{name}.parquet"
    write_parquet(path, pairs_of(chosen))
    return Version(name, manifest_of(**described), {}, path)

"""Raw logs written by hand, and what ingest made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from mmbind.files import read_json
from mmbind.study import Study
from tests.support import write_study

HEADER = "t,ax,ay,az,gx,gy,gz,label"


def modality(prefix: str, unit: str, clock: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A triaxial modality with columns such as ax, ay, az."""
    return {
        "columns": [f"{prefix}{axis}" for axis in "xyz"],
        "channels": list("xyz"),
        "unit": unit,
        "clock": clock or {"kind": "timestamp", "column": "t", "unit": "ms"},
        **more,
    }


def source_study(root: Path, **source: Any) -> Study:
    """A study whose source ``s`` is an accelerometer (g) and a gyroscope (deg/s) in CSV, but for what is given."""
    template = {
        "files": "*.csv",
        "reader": {"format": "delimited"},
        "identity": {"pattern": r"(?P<subject>\w+)_(?P<session>\d+)\.\w+$", "device": "d", "placement": "wrist"},
        "labels": {"column": "label"},
        "modalities": {"acc": modality("a", "g"), "gyro": modality("g", "deg/s")},
    }
    study = write_study(root, sources={"s": {**template, **source}})
    study.raw("s").mkdir(parents=True, exist_ok=True)
    return study


def lines(count: int, start: int = 0) -> list[str]:
    """Good CSV lines at 50 Hz (ms); ax counts upwards."""
    return [f"{20 * i},{i},0.5,1,10,-10,0,walk" for i in range(start, start + count)]


def write_csv(study: Study, name: str, rows: list[str], header: str = HEADER) -> Path:
    """Writes a CSV file into the raw folder of ``s``."""
    path = study.raw("s") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows_of(study: Study, name: str) -> pl.DataFrame:
    """All records of a modality."""
    return pl.concat([pl.read_parquet(path) for path in sorted((study.records("s") / name).glob("*.parquet"))])


def table(study: Study, name: str) -> pl.DataFrame:
    """One of the small tables."""
    return pl.read_parquet(study.records("s") / f"{name}.parquet")


def manifest(study: Study) -> dict[str, Any]:
    """The manifest."""
    content: dict[str, Any] = read_json(study.records("s") / "manifest.json")
    return content


def aside(study: Study) -> list[tuple[Any, ...]]:
    """The quarantine as (file, line, modality, rule)."""
    return table(study, "quarantine").select("file", "line", "modality", "rule").rows()


def content(study: Study) -> dict[str, bytes]:
    """Every file of the records, by path."""
    folder = study.records("s")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def conserved(study: Study) -> bool:
    """Whether rows read = kept + quarantined, by manifest and by counting."""
    files, recordings, quarantine = manifest(study)["files"], table(study, "recordings"), table(study, "quarantine")
    for path, entry in files.items():
        for name, counts in entry["modalities"].items():
            mine = recordings.filter(pl.col(f"file_{name}") == path)["recording"]
            folder = study.records("s") / name
            kept = (
                rows_of(study, name).filter(pl.col("recording").is_in(mine.to_list())).height if folder.exists() else 0
            )
            lost = quarantine.filter((pl.col("file") == path) & (pl.col("modality") == name)).height
            if (counts["kept"], counts["quarantined"], counts["read"]) != (kept, lost, kept + lost):
                return False
    return True

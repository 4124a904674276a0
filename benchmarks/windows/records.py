"""Records to window: recordings of an accelerometer at 200 Hz and a gyroscope at 100 Hz, of noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from mmbind.files import short_id, write_json, write_parquet
from mmbind.schema import LABELS, RECORDINGS
from mmbind.study import Study

#: Readings per second, by modality; and shard files per modality.
RATES, SHARDS = {"acc": 200.0, "gyro": 100.0}, 8
#: The windows: 2 s at a hop of 1 s, 50 samples per second.
LENGTH_S, HOP_S, STEPS = 2.0, 1.0, 100


def write(root: Path, recordings: int, minutes: float) -> Study:
    """Writes a study whose one source has records, as ingest would leave them."""
    root.mkdir(parents=True)
    (root / "params.yaml").write_text(yaml.safe_dump(_params(), sort_keys=False))
    study = Study.load(root)
    folder = study.records("s")
    rng = np.random.default_rng(0)
    ids = sorted(short_id("s", number) for number in range(recordings))
    start = 1_772_438_400_000_000_000
    for name, rate in RATES.items():
        count = round(minutes * 60 * rate)
        for shard in range(SHARDS):
            parts = []
            for recording in ids[shard::SHARDS]:
                times = start + np.rint(np.arange(count) * 1e9 / rate).astype(np.int64)
                values = {axis: rng.normal(size=count).astype(np.float32) for axis in "xyz"}
                parts.append(pl.DataFrame({"recording": [recording], "t_ns": [times]}).explode("t_ns"))
                parts[-1] = parts[-1].with_columns(pl.Series(axis, column) for axis, column in values.items())
            if parts:
                write_parquet(folder / name / f"{shard:05d}.parquet", pl.concat(parts, rechunk=True))
    table = pl.DataFrame({"recording": ids}).with_columns(
        source=pl.lit("s"),
        subject=pl.lit("p1"),
        start_ns=pl.lit(start),
        stop_ns=pl.lit(start + round(minutes * 60e9)),
        file=pl.lit("f.csv"),
        sha256=pl.lit("0" * 64),
        **{name: pl.lit("d") for name in ("device", "placement", "session")},
    )
    write_parquet(folder / "recordings.parquet", table.select(pl.col(n).cast(t) for n, t in RECORDINGS.items()))
    write_parquet(folder / "labels.parquet", pl.DataFrame(schema=LABELS))
    units = {"acc": "m/s2", "gyro": "rad/s"}
    modalities = {name: {"channels": list("xyz"), "unit": units[name], "rate_hz": rate} for name, rate in RATES.items()}
    write_json(folder / "manifest.json", {"source": "s", "modalities": modalities, "files": {}, "counts": {}})
    return study


def _params() -> dict[str, Any]:
    """The parameters of a study that only windows."""
    template = Path(__file__).resolve().parents[2] / "params.yaml"
    params: dict[str, Any] = yaml.safe_load(template.read_text())
    clock = {"kind": "timestamp", "column": "t", "unit": "ms"}
    shape = {"channels": list("xyz"), "clock": clock}
    modalities = {
        "acc": {**shape, "columns": ["ax", "ay", "az"], "unit": "m/s2"},
        "gyro": {**shape, "columns": ["gx", "gy", "gz"], "unit": "rad/s"},
    }
    role = {"sources": ["s"], "modalities": ["acc", "gyro"]}
    params |= {
        "sources": {"s": {"files": "*.csv", "reader": {"format": "delimited"}, "modalities": modalities}},
        "windows": {
            "cut": {"kind": "sliding", "length_s": LENGTH_S, "hop_s": HOP_S},
            "modalities": {name: {"steps": STEPS} for name in RATES},
        },
        "roles": {
            **dict.fromkeys(("A", "B", "test"), role),
            "target": {**role, "labels": {"count": 2, "draw": "balanced"}},
        },
        "rotations": [],
        "protocol": None,
    }
    params["shared"]["modality"] = "acc"
    return params

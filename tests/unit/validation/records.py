"""Records written by hand, as ingest would leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from mmbind.config import Params
from mmbind.files import short_id, write_json, write_parquet
from mmbind.schema import LABELS, QUARANTINE, RECORDINGS, empty
from mmbind.study import Study
from tests.support import tiny_params

RATE_HZ = 50.0
UNITS = {"acc": "m/s2", "gyro": "rad/s", "mag": "uT"}
Signals = dict[str, np.ndarray]


def worn(seed: int, seconds: float = 20.0) -> Signals:
    """Signals of a wrist at rest and in motion: acc (m/s2), gyro (rad/s), mag (uT), each (T, 3).

    Of ten seconds the last six are motion: a turn of 1.6 rad and back, about y and x in turn,
    with jerks on top. Gyroscope and field follow from the turn.
    """
    draw = np.random.default_rng(seed)
    count = int(seconds * RATE_HZ)
    t = np.arange(count) / RATE_HZ
    since = np.maximum(t % 10 - 4, 0)
    angle, rate = 0.8 * (1 - np.cos(np.pi * since / 3)), 0.8 * np.pi / 3 * np.sin(np.pi * since / 3)
    about_y = t // 10 % 2 == 0
    active = (since > 0)[:, None]
    acc = turned(np.array([0.0, 0.0, 9.81]), angle, about_y) + active * draw.normal(0, 2.0, (count, 3))
    mag = turned(np.array([20.0, 5.0, -43.0]), angle, about_y) + draw.normal(0, 0.4, (count, 3))
    gyro = np.stack([np.where(about_y, 0, rate), np.where(about_y, -rate, 0), np.zeros(count)], axis=1)
    gyro = gyro + active * draw.normal(0, 0.3, (count, 3)) + draw.normal(0, 0.01, (count, 3))
    return {"acc": acc + draw.normal(0, 0.05, (count, 3)), "gyro": gyro, "mag": mag}


def turned(fixed: np.ndarray, angle: np.ndarray, about_y: np.ndarray) -> np.ndarray:
    """A vector of the world in the axes of a device that has turned about y, or else about x, shape (T, 3)."""
    x, y, z = fixed
    sine, cosine = np.sin(angle), np.cos(angle)
    by_y = np.stack([x * cosine + z * sine, np.full_like(angle, y), z * cosine - x * sine], axis=1)
    by_x = np.stack([np.full_like(angle, x), y * cosine + z * sine, z * cosine - y * sine], axis=1)
    return np.where(about_y[:, None], by_y, by_x)


def study_with_suites(root: Path, modalities: list[str], **sections: Any) -> Study:
    """A study whose source ``s`` has the modalities; its suites are those of the repository."""
    root.mkdir(parents=True, exist_ok=True)
    params: dict[str, Any] = tiny_params(**sections)
    source = params["sources"]["s"]
    template = source["modalities"]["acc"]
    source["modalities"] = {name: {**template, "unit": UNITS.get(name, "m")} for name in modalities}
    Params.model_validate(params)
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return Study.load(root)


def write_records(
    study: Study,
    files: dict[str, Signals],
    *,
    units: dict[str, str] | None = None,
    quarantine: list[tuple[str, int | None, str | None, str]] | None = None,
    unreadable: tuple[str, ...] = (),
    declared_hz: float | None = None,
    seconds: dict[str, np.ndarray] | None = None,
) -> None:
    """Writes the records of source ``s``, one recording per file, all in one shard.

    Args:
        study: where.
        files: signals by file.
        units: SI unit by modality; UNITS when None.
        quarantine: file, line, modality, rule.
        unreadable: files that could not be read.
        declared_hz: the rate that the manifest declares.
        seconds: times of a file's readings (T,); evenly spaced at RATE_HZ when missing.
    """
    folder, aside = study.records("s"), quarantine or []
    modalities = sorted(study.params.sources["s"].modalities)
    entries: dict[str, Any] = {}
    recordings, frames = [], {name: [] for name in modalities}
    for file, signals in sorted(files.items()):
        recording = short_id("s", file, 0)
        counts = {}
        for name, values in signals.items():
            times = (seconds or {}).get(file, np.arange(len(values)) / RATE_HZ)
            stamps = np.round(times[: len(values)] * 1e9).astype(np.int64)
            columns = {f"c{i}": values[:, i].astype(np.float32) for i in range(values.shape[1])}
            frames[name].append(pl.DataFrame({"recording": [recording] * len(values), "t_ns": stamps, **columns}))
            lost = sum(row[0] == file and row[2] == name for row in aside)
            counts[name] = {"read": len(values) + lost, "kept": len(values), "quarantined": lost}
        entries[file] = {"sha256": "0" * 64, "bytes": 1, "shard": 0, "status": "ok", "modalities": counts}
        recordings.append((recording, "s", "p1", "d", "wrist", "1", 0, 1, file, "0" * 64))
    for file in unreadable:
        entries[file] = {"sha256": "0" * 64, "bytes": 1, "shard": 0, "status": "unreadable", "modalities": {}}
        aside = [*aside, (file, None, None, "unreadable")]
    present = [name for name in modalities if frames[name]]
    for name in present:
        table = pl.concat(frames[name]).sort("recording", maintain_order=True)
        write_parquet(folder / name / "00000.parquet", table)
    write_parquet(folder / "recordings.parquet", pl.DataFrame(recordings, schema=RECORDINGS, orient="row"))
    write_parquet(folder / "labels.parquet", empty(LABELS))
    rows = [(file, line, modality, b"raw", rule, "because") for file, line, modality, rule in aside]
    write_parquet(folder / "quarantine.parquet", pl.DataFrame(rows, schema=QUARANTINE, orient="row"))
    stated = {
        name: {"channels": ["x", "y", "z"], "unit": (units or UNITS).get(name, "m"), "rate_hz": declared_hz}
        for name in present
    }
    write_json(folder / "manifest.json", {"source": "s", "modalities": stated, "files": entries, "counts": {}})

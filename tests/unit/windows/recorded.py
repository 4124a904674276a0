"""Records written by hand, as ingest leaves them, for the rooms behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.files import short_id, whole_folder, write_json, write_parquet
from mmbind.schema import LABELS, RECORDINGS
from mmbind.study import Study

UNITS = {"acc": "m/s2", "gyro": "rad/s", "mag": "uT", "skeleton": "m"}


@dataclass(frozen=True)
class Recording:
    """One recording: per modality times in seconds (n,) and values (n, channels)."""

    file: str
    subject: str
    readings: Mapping[str, tuple[np.ndarray, np.ndarray]]
    labels: Sequence[tuple[float, float, str]] = field(default_factory=list)

    def id(self, source: str) -> str:
        return short_id(source, self.file, 0)


def nanoseconds(seconds: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(seconds) * 1e9).astype(np.int64)


def write_records(study: Study, source: str, recordings: Sequence[Recording], *, shards: int = 2) -> Path:
    """Writes the records of a source; a recording's modalities lie in different shards."""
    modalities = sorted({name for recording in recordings for name in recording.readings})
    width = {n: v.shape[1] for r in recordings for n, (_, v) in r.readings.items()}
    with whole_folder(study.records(source)) as folder:
        for offset, name in enumerate(modalities):
            parts: dict[int, list[pl.DataFrame]] = {}
            for number, recording in enumerate(recordings):
                if name not in recording.readings:
                    continue
                times, values = recording.readings[name]
                columns = {f"c{i}": values[:, i].astype(np.float32) for i in range(values.shape[1])}
                times = nanoseconds(times)
                frame = pl.DataFrame({"recording": [recording.id(source)] * len(times), "t_ns": times, **columns})
                parts.setdefault((number + offset) % shards, []).append(frame)
            for shard, frames in parts.items():
                table = pl.concat(frames).sort("recording", "t_ns", maintain_order=True)
                write_parquet(folder / name / f"{shard:05d}.parquet", table)
        rows = [_row(recording, source) for recording in recordings]
        write_parquet(folder / "recordings.parquet", pl.DataFrame(rows, schema=RECORDINGS).sort("recording"))
        intervals = [
            (recording.id(source), int(start * 1e9), int(stop * 1e9), label)
            for recording in recordings
            for start, stop, label in recording.labels
        ]
        write_parquet(folder / "labels.parquet", pl.DataFrame(intervals, schema=LABELS, orient="row"))
        specs = {
            name: {"channels": [f"c{i}" for i in range(width[name])], "unit": UNITS[name], "rate_hz": None}
            for name in modalities
        }
        write_json(folder / "manifest.json", {"source": source, "modalities": specs, "files": {}, "counts": {}})
    return study.records(source)


def _row(recording: Recording, source: str) -> dict[str, object]:
    times = [nanoseconds(times) for times, _ in recording.readings.values() if len(times)]
    return {
        "recording": recording.id(source),
        "source": source,
        "subject": recording.subject,
        "device": "d",
        "placement": "wrist",
        "session": "1",
        "start_ns": int(min((t[0] for t in times), default=0)),
        "stop_ns": int(max((t[-1] for t in times), default=0)),
        "file": recording.file,
        "sha256": "0" * 64,
    }


def sine(
    hz: float, rate: float, seconds: float, channels: int = 3, start: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """A sine in every channel, phase 0 at time 0."""
    times = start + np.arange(round(rate * seconds)) / rate
    return times, np.repeat(np.sin(2 * np.pi * hz * times)[:, None], channels, axis=1)

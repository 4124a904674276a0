"""Reading one recording: its files in, its rows and everything set aside out.

Recordings do not know of each other, so each is a task that can run anywhere, in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmbind.config import ModalitySource, Source
from mmbind.errors import MmbindError
from mmbind.files import short_id
from mmbind.schema import LABELS, QUARANTINE, RECORDINGS, empty
from mmbind.sources.conversion import as_worn
from mmbind.sources.discover import RecordingFiles
from mmbind.sources.labels import intervals, whole_recording
from mmbind.sources.parts import split
from mmbind.sources.readers import reader_for
from mmbind.sources.sift import ASIDE, sift
from mmbind.sources.table import MISSING_COLUMN, Block, FileProblem, count_channels

#: Rule of a file whose readings are kept though their labels could not be read.
NO_LABELS = "missing_labels"
#: Sensors that a file's entry in the manifest names when their rows are passed by.
SENSORS = 20


@dataclass
class FileRows:
    """What one file gave.

    Attributes:
        kept: per modality, frames with t_ns and channels, in the order of the file.
        marks: per modality, frames with t_ns and label.
        aside: frames with the columns of the quarantine.
        counts: per modality, readings read, kept and quarantined.
        passed: rows of a long table that no modality names, by sensor.
        problem: whether the file as a whole could not be read.
    """

    kept: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    marks: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    aside: list[pl.DataFrame] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    problem: bool = False

    @property
    def status(self) -> str:
        """``ok``, ``partial`` (something was set aside) or ``unreadable`` (nothing was read)."""
        if self.problem or not self.counts:
            return "unreadable"
        return "partial" if self.aside else "ok"

    def entry(self) -> dict[str, Any]:
        """What the manifest says of the file."""
        passed = {"passed": dict(sorted(self.passed.items()))} if self.passed else {}
        return {"status": self.status, "modalities": self.counts, **passed}


@dataclass(frozen=True)
class RecordingRows:
    """What a recording gave.

    Attributes:
        rows: per modality and recording id (one per part), rows ready for the shard.
        recordings: rows of the table of recordings, with ``file_<modality>`` per modality.
        labels: rows of the table of labels.
        quarantine: rows of the quarantine.
        files: per file, status and counts for the manifest.
    """

    rows: dict[str, dict[str, pl.DataFrame]]
    recordings: pl.DataFrame
    labels: pl.DataFrame
    quarantine: pl.DataFrame
    files: dict[str, dict[str, Any]]


def recordings_schema(source: Source) -> dict[str, type[pl.DataType]]:
    """Columns of a source's table of recordings: the common ones, then ``file_<modality>``."""
    return {**RECORDINGS, **{f"file_{name}": pl.String for name in sorted([*source.modalities, *source.derived])}}


def read_recording(
    folder: Path,
    name: str,
    source: Source,
    files: RecordingFiles,
    channels: Mapping[str, list[str]],
    sha256: Mapping[str, str],
) -> RecordingRows:
    """Reads the files of one recording.

    Args:
        folder: the source's raw files.
        name: the source's name.
        source: how to read it.
        files: the recording's files.
        channels: channel names by modality.
        sha256: digests by file.

    Raises:
        MmbindError: when rows were not conserved.
    """
    source = as_worn(source, files.owner.device, files.owner.placement)
    read = {path: read_file(folder, path, source, names, channels) for path, names in files.files.items()}
    kept = {modality: pl.concat(frames) for rows in read.values() for modality, frames in rows.kept.items() if frames}
    kept = {modality: frame for modality, frame in sorted(kept.items()) if frame.height}
    entries = {path: rows.entry() for path, rows in read.items()}
    aside = [frame for rows in read.values() for frame in rows.aside]
    quarantine = pl.concat(aside) if aside else empty(QUARANTINE)
    if not kept:
        return RecordingRows({}, empty(recordings_schema(source)), empty(LABELS), quarantine, entries)
    parts = split([frame["t_ns"].to_numpy() for frame in kept.values()], source.max_gap_s)
    ids = pl.Series("recording", [short_id(name, files.owner.key, part) for part in range(len(parts.starts))])
    rows: dict[str, dict[str, pl.DataFrame]] = {}
    for modality, frame in kept.items():
        edges = [*np.searchsorted(frame["t_ns"].to_numpy(), parts.starts).tolist(), frame.height]
        for number, (start, stop) in enumerate(pairwise(edges)):
            if start < stop:
                recording = pl.repeat(ids[number], stop - start, eager=True).alias("recording")
                piece = frame.slice(start, stop - start)
                rows.setdefault(modality, {})[ids[number]] = pl.DataFrame([recording, *piece.get_columns()])
    marks = {modality: pl.concat(frames) for r in read.values() for modality, frames in r.marks.items() if frames}
    labels = (
        intervals([frame for _, frame in sorted(marks.items())], source.labels, parts)
        if marks
        else whole_recording(files.owner.label, source.labels, parts)
    )
    owner, first = files.owner, min(files.files)
    who = {"source": name, "subject": owner.subject, "device": owner.device, "placement": owner.placement}
    told = {**who, "session": owner.session, "file": first, "sha256": sha256[first]}
    origins = {
        f"file_{modality}": pl.Series(
            [path if recording in rows.get(modality, {}) else None for recording in ids], dtype=pl.String
        )
        for path, modalities in files.files.items()
        for modality in modalities
    }
    recordings = pl.DataFrame(
        {
            "recording": ids,
            "start_ns": parts.starts,
            "stop_ns": parts.stops,
            **{column: pl.Series([value] * len(ids), dtype=pl.String) for column, value in told.items()},
            **origins,
        }
    )
    return RecordingRows(
        rows=rows,
        recordings=recordings.select(
            pl.col(column) if column in recordings.columns else pl.lit(None, dtype=dtype).alias(column)
            for column, dtype in recordings_schema(source).items()
        ),
        labels=labels.with_columns(ids.gather(labels["part"]).alias("recording")).select(*LABELS),
        quarantine=quarantine,
        files=entries,
    )


def read_file(folder: Path, path: str, source: Source, names: list[str], channels: Mapping[str, list[str]]) -> FileRows:
    """Reads one file and sifts its readings.

    Args:
        folder: the source's raw files.
        path: the file, below the folder.
        source: how to read it.
        names: modalities to take from it.
        channels: channel names by modality.

    Raises:
        MmbindError: when rows were not conserved.
    """
    specs = {name: source.modalities[name] for name in names}
    rows = FileRows(
        kept={name: [] for name in names},
        marks={name: [] for name in names},
        counts={name: {"read": 0, "kept": 0, "quarantined": 0} for name in names},
    )
    try:
        _fill(rows, folder / path, path, source, specs, channels)
    except FileProblem as problem:
        return FileRows(aside=[_notes(path, [(problem.rule, problem.reason)])], problem=True)
    _check_conservation(rows, path)
    return rows


def _fill(
    rows: FileRows,
    file: Path,
    path: str,
    source: Source,
    specs: Mapping[str, ModalitySource],
    channels: Mapping[str, list[str]],
) -> None:
    """Reads a file's blocks into ``rows``.

    Raises:
        FileProblem: when the file cannot be read or holds no readings.
    """
    if not file.stat().st_size:
        raise FileProblem("empty_file", "the file is empty.")
    raw = reader_for(source)(file, source, specs)
    lost = []
    for block in raw.blocks:
        for name, readings in block.readings.items():
            if (width := count_channels(readings)) != len(channels[name]):
                raw.missing[name] = (
                    f"there are {width} columns, not {len(channels[name])} as in the source's other files."
                )
        lost.append(_sift_block(rows, block, source, channels, path, set(raw.missing)))
    rows.passed = _most_frequent(raw.passed)
    for name in raw.missing:
        for table in (rows.kept, rows.marks, rows.counts):
            table.pop(name, None)
    if rows.counts and not any(counts["read"] for counts in rows.counts.values()):
        raise FileProblem("empty_file", "the file holds no readings.")
    notes = [(MISSING_COLUMN, f"{name}: {reason}") for name, reason in sorted(raw.missing.items())]
    if rows.counts:
        notes += [(NO_LABELS, f"readings are kept without labels: {reason}") for reason in raw.unlabelled]
    lost = [frame.filter(pl.col("modality").is_in(sorted(rows.counts))) for frame in lost if frame.height]
    rows.aside = [frame for frame in [*lost, _notes(path, notes)] if frame.height]


def _most_frequent(passed: Mapping[str, int]) -> dict[str, int]:
    """The most frequent sensors, and the others as one: a column of values taken for one of sensors has many."""
    order = sorted(passed, key=lambda sensor: (-passed[sensor], sensor))
    rest = sum(passed[sensor] for sensor in order[SENSORS:])
    return {sensor: passed[sensor] for sensor in order[:SENSORS]} | ({"...": rest} if rest else {})


def _sift_block(
    rows: FileRows, block: Block, source: Source, channels: Mapping[str, list[str]], path: str, unfit: set[str]
) -> pl.DataFrame:
    """Adds a block's kept readings to a file's, but for unfit modalities; returns its rows of the quarantine."""
    aside = []
    for name, count in block.read.items():
        if name in unfit:
            continue
        before = next((frame["t_ns"][-1] for frame in reversed(rows.kept[name]) if frame.height), None)
        sifted = sift(block.readings[name], source.modalities[name], channels[name], before)
        rows.kept[name].append(sifted.kept)
        if sifted.labels is not None:
            rows.marks[name].append(pl.DataFrame([sifted.kept["t_ns"], sifted.labels]))
        lost = sifted.aside
        if block.broken.height:
            mine = (pl.col("modality") == name) | pl.col("modality").is_null()
            lost = pl.concat([block.broken.filter(mine).select(*ASIDE), lost])
        if lost.height:
            aside.append(lost.with_columns(pl.lit(name).alias("modality")))
        counts = rows.counts[name]
        counts["read"] += count
        counts["kept"] += sifted.kept.height
        counts["quarantined"] += lost.height
    if not aside:
        return empty(QUARANTINE)
    table = pl.concat(aside)
    return table.with_columns(pl.lit(path).alias("file"), block.raw(table["line"]).alias("raw")).select(*QUARANTINE)


def _notes(path: str, notes: list[tuple[str, str]]) -> pl.DataFrame:
    """Rows of the quarantine about a file as a whole, from (rule, reason)."""
    rows = [(path, None, None, "", rule, reason) for rule, reason in notes]
    return pl.DataFrame(rows, schema=QUARANTINE, orient="row")


def _check_conservation(rows: FileRows, path: str) -> None:
    for name, counts in rows.counts.items():
        if counts["read"] != counts["kept"] + counts["quarantined"]:
            raise MmbindError(
                f"{path}: of {counts['read']} readings of {name}, {counts['kept']} were kept and "
                f"{counts['quarantined']} quarantined.",
                hint="This is a defect of mmbind's reader; please report it with the file.",
            )

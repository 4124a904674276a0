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
from mmbind.sources.labels import LABEL_UNFIT, Mark, intervals, marked_recording, whole_recording
from mmbind.sources.parts import Parts, split
from mmbind.sources.readers import reader_for
from mmbind.sources.released import PlacingSifter, open_corrected, sifter_for
from mmbind.sources.releases import FileReleases
from mmbind.sources.sift import ASIDE, Sifted, Sifter
from mmbind.sources.table import MISSING_COLUMN, Block, FileProblem, count_channels

#: Rule of a file whose readings are kept though their labels could not be read.
NO_LABELS = "missing_labels"
#: Column of kept readings and marks, while a recording is read: how often the clock had been set
#: back before (:class:`mmbind.sources.sift.Sifted`). Parts do not reach across.
TURN = "turn"
#: Sensors that a file's entry in the manifest names when their rows are passed by.
SENSORS = 20


@dataclass
class FileRows:
    """What one file gave.

    Attributes:
        kept: per modality, frames with t_ns, channels and, where clocks are set back, ``TURN``,
            in the order of the file.
        marks: per modality, frames with t_ns, label and ``TURN`` as there.
        aside: frames with the columns of the quarantine.
        counts: per modality, readings read, kept and quarantined.
        passed: rows of a long table that no modality names, by sensor.
        released: per modality, readings kept because a person released them.
        corrected: lines read as a person corrected them.
        problem: whether the file as a whole could not be read.
    """

    kept: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    marks: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    aside: list[pl.DataFrame] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    corrected: int = 0
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
        released = {"released": dict(sorted(self.released.items()))} if self.released else {}
        corrected = {"corrected": self.corrected} if self.corrected else {}
        return {"status": self.status, "modalities": self.counts, **passed, **released, **corrected}


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
    released = files.released
    read = {
        path: read_file(folder, path, source, names, channels, released.get(path, FileReleases()))
        for path, names in files.files.items()
    }
    kept = {modality: pl.concat(frames) for rows in read.values() for modality, frames in rows.kept.items() if frames}
    kept = {modality: frame for modality, frame in sorted(kept.items()) if frame.height}
    entries = {path: rows.entry() for path, rows in read.items()}
    aside = [frame for rows in read.values() for frame in rows.aside]
    quarantine = pl.concat(aside) if aside else empty(QUARANTINE)
    if not kept:
        return RecordingRows({}, empty(recordings_schema(source)), empty(LABELS), quarantine, entries)
    marks = {modality: pl.concat(frames) for r in read.values() for modality, frames in r.marks.items() if frames}
    parts = Parts(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    rows: dict[str, dict[str, pl.DataFrame]] = {}
    labels = []
    for turn in _turns(kept):
        mine = _of_turn(kept, turn)
        these = split([frame["t_ns"].to_numpy() for frame in mine.values()], source.max_gap_s)
        first_part = len(parts.starts)
        names = [short_id(name, files.owner.key, first_part + part) for part in range(len(these.starts))]
        for modality, frame in mine.items():
            edges = [*np.searchsorted(frame["t_ns"].to_numpy(), these.starts).tolist(), frame.height]
            for recording, (start, stop) in zip(names, pairwise(edges), strict=True):
                if start < stop:
                    column = pl.repeat(recording, stop - start, eager=True).alias("recording")
                    piece = frame.slice(start, stop - start)
                    rows.setdefault(modality, {})[recording] = pl.DataFrame([column, *piece.get_columns()])
        told = (
            intervals([frame for _, frame in sorted(_of_turn(marks, turn).items())], source.labels, these)
            if marks
            else whole_recording(files.owner.label, source.labels, these)
        )
        labels.append(told.with_columns(pl.col("part") + first_part))
        parts = parts.then(these)
    marked = pl.concat(labels)
    ids = pl.Series("recording", [short_id(name, files.owner.key, part) for part in range(len(parts.starts))])
    if files.marks is not None:
        marked, unfit = marked_recording(files.marks, files.owner.label, source.labels, parts)
        quarantine = pl.concat([quarantine, _unfit_marks(min(files.files), unfit)])
    owner, first = files.owner, min(files.files)
    who = {"source": name, "subject": owner.subject, "device": owner.device, "placement": owner.placement}
    about = {**who, "session": owner.session, "file": first, "sha256": sha256[first]}
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
            **{column: pl.Series([value] * len(ids), dtype=pl.String) for column, value in about.items()},
            **origins,
        }
    )
    return RecordingRows(
        rows=rows,
        recordings=recordings.select(
            pl.col(column) if column in recordings.columns else pl.lit(None, dtype=dtype).alias(column)
            for column, dtype in recordings_schema(source).items()
        ),
        labels=marked.with_columns(ids.gather(marked["part"]).alias("recording")).select(*LABELS),
        quarantine=quarantine,
        files=entries,
    )


def _turns(kept: Mapping[str, pl.DataFrame]) -> list[int]:
    """The stretches of a recording between moments at which its clock was set back."""
    found = {turn for frame in kept.values() if TURN in frame.columns for turn in frame[TURN].unique()}
    return sorted(found | ({0} if any(TURN not in frame.columns for frame in kept.values()) else set()))


def _of_turn(tables: Mapping[str, pl.DataFrame], turn: int) -> dict[str, pl.DataFrame]:
    """The rows of one of these stretches by modality, where there are any; a clock without turns has only the first."""
    mine = {
        name: table.filter(pl.col(TURN) == turn).drop(TURN) if TURN in table.columns else table
        for name, table in tables.items()
        if TURN in table.columns or not turn
    }
    return {name: table for name, table in mine.items() if table.height}


def read_file(
    folder: Path,
    path: str,
    source: Source,
    names: list[str],
    channels: Mapping[str, list[str]],
    released: FileReleases,
) -> FileRows:
    """Reads one file and sifts its readings.

    Args:
        folder: the source's raw files.
        path: the file, below the folder.
        source: how to read it.
        names: modalities to take from it.
        channels: channel names by modality.
        released: what a person released of it.

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
        _fill(rows, folder / path, path, source, specs, channels, released)
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
    released: FileReleases,
) -> None:
    """Reads a file's blocks into ``rows``.

    Raises:
        FileProblem: when the file cannot be read or holds no readings.
    """
    if not file.stat().st_size:
        raise FileProblem("empty_file", "the file is empty.")
    raw = open_corrected(reader_for(source), file, source, specs, released.corrected)
    sifters = {
        name: sifter_for(spec, channels[name], source.max_gap_s, released.placed.get(name, []))
        for name, spec in specs.items()
    }
    lost = []
    for block in raw.blocks:
        for name, readings in block.readings.items():
            if (width := count_channels(readings)) != len(channels[name]):
                raw.missing[name] = (
                    f"there are {width} columns, not {len(channels[name])} as in the source's other files."
                )
        lost.append(_sift_block(rows, block, sifters, path, set(raw.missing)))
    lost += [_take(rows, name, sifter.finish(), path) for name, sifter in sifters.items() if name not in raw.missing]
    rows.passed = _most_frequent(raw.passed)
    counts = {name: sifter.released for name, sifter in sifters.items() if isinstance(sifter, PlacingSifter)}
    rows.released, rows.corrected = {name: count for name, count in counts.items() if count}, len(released.corrected)
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
    rows: FileRows, block: Block, sifters: Mapping[str, Sifter], path: str, unfit: set[str]
) -> pl.DataFrame:
    """Adds a block to a file's rows, but for unfit modalities; returns its rows of the quarantine."""
    aside = [empty(QUARANTINE)]
    for name, count in block.read.items():
        if name in unfit:
            continue
        rows.counts[name]["read"] += count
        aside.append(_take(rows, name, sifters[name].push(block.readings[name], block.raw), path))
        if block.broken.height:
            mine = block.broken.filter((pl.col("modality") == name) | pl.col("modality").is_null())
            lost = mine.with_columns(block.raw(mine["line"]).alias("raw")).select(*ASIDE)
            aside.append(_set_aside(rows, name, lost, path))
    return pl.concat(aside)


def _take(rows: FileRows, name: str, sifted: Sifted, path: str) -> pl.DataFrame:
    """Adds what was sifted of a modality to a file's rows; returns rows of the quarantine."""
    if sifted.kept.height:
        turns = [] if sifted.turns is None else [sifted.turns.alias(TURN)]
        rows.kept[name].append(sifted.kept.with_columns(turns))
        if sifted.labels is not None:
            rows.marks[name].append(pl.DataFrame([sifted.kept["t_ns"], sifted.labels.alias("label"), *turns]))
        rows.counts[name]["kept"] += sifted.kept.height
    return _set_aside(rows, name, sifted.aside, path)


def _set_aside(rows: FileRows, name: str, lost: pl.DataFrame, path: str) -> pl.DataFrame:
    """Counts readings set aside (columns of ``ASIDE``); returns them as rows of the quarantine."""
    rows.counts[name]["quarantined"] += lost.height
    return lost.with_columns(file=pl.lit(path), modality=pl.lit(name)).select(*QUARANTINE)


def _unfit_marks(path: str, unfit: list[tuple[Mark, str]]) -> pl.DataFrame:
    """Rows of the quarantine about rows of label tables, from (row, reason)."""
    rows = [
        (path, None, None, mark.raw.encode(), LABEL_UNFIT, f"this row of {mark.table} is not used: {reason}")
        for mark, reason in unfit
    ]
    return pl.DataFrame(rows, schema=QUARANTINE, orient="row")


def _notes(path: str, notes: list[tuple[str, str]]) -> pl.DataFrame:
    """Rows of the quarantine about a file as a whole, from (rule, reason)."""
    rows = [(path, None, None, b"", rule, reason) for rule, reason in notes]
    return pl.DataFrame(rows, schema=QUARANTINE, orient="row")


def _check_conservation(rows: FileRows, path: str) -> None:
    for name, counts in rows.counts.items():
        if counts["read"] != counts["kept"] + counts["quarantined"]:
            raise MmbindError(
                f"{path}: of {counts['read']} readings of {name}, {counts['kept']} were kept and "
                f"{counts['quarantined']} quarantined.",
                hint="This is a defect of mmbind's reader; please report it with the file.",
            )

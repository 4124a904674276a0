"""Reading one recording: its files in, its rows and everything set aside out.

Recordings do not know of each other, so each is a task that can run anywhere, in any order.
A recording of any length is read in little memory: its files are read side by side, and what
all of them have passed in time is given out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from mmbind.config import Source
from mmbind.files import short_id
from mmbind.schema import LABELS, QUARANTINE, empty
from mmbind.sources.conversion import as_worn
from mmbind.sources.discover import RecordingFiles
from mmbind.sources.file_rows import FileRows
from mmbind.sources.labels import LabelRuns, marked_recording, whole_recording
from mmbind.sources.logfile import LABEL, NOTHING_RELEASED, TURN, Kept, stream_file
from mmbind.sources.parts import Parts, Timeline
from mmbind.sources.recording_tables import RecordingRows, RecordingTables, recordings_schema, unfit_marks

#: Readings of a recording, over all modalities, that wait in memory before any is given out.
HOLD = 1 << 19
#: Before all readings, and behind them: turn and time.
_BEGIN, _END = (-1, 0), (np.iinfo(np.int64).max, 0)


class Piece(NamedTuple):
    """Consecutive readings of one modality and one part.

    Attributes:
        modality: which one.
        recording: the part's id.
        rows: t_ns and one column per channel.
    """

    modality: str
    recording: str
    rows: pl.DataFrame


class WithdrawnError(Exception):
    """A file of which readings were given out turned out to be of no use, or a modality of it."""

    def __init__(self, path: str, rows: FileRows) -> None:
        """Keeps what the file ended in."""
        self.path, self.rows = path, rows
        super().__init__(path)


def read_recording(
    folder: Path,
    name: str,
    source: Source,
    files: RecordingFiles,
    channels: Mapping[str, list[str]],
    sha256: Mapping[str, str],
) -> RecordingRows:
    """Reads the files of one recording into memory, writing nothing.

    Args:
        folder: the source's raw files.
        name: the source's name.
        source: how to read it.
        files: the recording's files.
        channels: channel names by modality.
        sha256: digests by file.

    Raises:
        DataError: when a file cannot be opened.
        MmbindError: when rows were not conserved.
    """
    reading = RecordingReading(folder, name, source, files, channels, hold=None)
    found: dict[str, dict[str, list[pl.DataFrame]]] = {}
    for modality, recording, rows in reading:
        column = pl.repeat(recording, rows.height, eager=True).alias("recording")
        piece = pl.DataFrame([column, *rows.get_columns()])
        found.setdefault(modality, {}).setdefault(recording, []).append(piece)
    whole = {name: {key: pl.concat(pieces) for key, pieces in each.items()} for name, each in found.items()}
    return RecordingRows(**vars(reading.tables(sha256)), rows=whole)


class RecordingReading:
    """A recording that is being read: iterate over its pieces, then ask for its tables."""

    def __init__(
        self,
        folder: Path,
        name: str,
        source: Source,
        files: RecordingFiles,
        channels: Mapping[str, list[str]],
        *,
        known: Mapping[str, FileRows] | None = None,
        hold: int | None = HOLD,
    ) -> None:
        """Opens nothing yet.

        Args:
            folder: see :func:`read_recording`; so the following.
            name: see there.
            source: see there.
            files: see there.
            channels: see there.
            known: what files ended in that had to be withdrawn before.
            hold: how many readings wait before any is given out; None: all.
        """
        self._name, self._files, self._hold = name, files, hold
        self._source = as_worn(source, files.owner.device, files.owner.placement)
        self._rows = {path: FileRows() for path in files.files}
        known, released = known or {}, files.released
        self._streams = {
            path: stream_file(
                self._rows[path],
                folder,
                path,
                self._source,
                names,
                channels,
                released.get(path, NOTHING_RELEASED),
                known.get(path),
            )
            for path, names in files.files.items()
        }
        self._held: dict[tuple[str, str], list[pl.DataFrame]] = {}
        self._reached = {path: dict.fromkeys(names, _BEGIN) for path, names in files.files.items()}
        self._timeline, self._labels, self._turn = Timeline(source.max_gap_s), LabelRuns(source.labels), 0
        self._ids: list[str] = []
        self._origins: dict[str, dict[int, str]] = {}
        self._given: set[tuple[str, str]] = set()
        self._labelled = False

    def __iter__(self) -> Iterator[Piece]:
        """Reads the files; pieces of one modality come in order of parts and time.

        Raises:
            WithdrawnError: when readings were given out that do not count; the recording is to
                be read anew with what the error holds as ``known``.
            DataError: when a file cannot be opened.
            MmbindError: when rows were not conserved.
        """
        waiting = 0
        while self._reached:
            path = min(self._reached, key=self._passed_by)
            kept = next(self._streams[path], None)
            if kept is None:
                del self._reached[path]
                self._withdraw(path)
            else:
                waiting += self._take(path, kept)
            if self._hold is not None and waiting >= self._hold:
                yield from self._give(min(map(self._passed_by, self._reached), default=_END))
                waiting = sum(frame.height for frames in self._held.values() for frame in frames)
        yield from self._give(_END)

    def _passed_by(self, path: str) -> tuple[int, int]:
        """The turn and time that all modalities of a file have reached, as far as they can be read from it."""
        unfit = self._rows[path].unfit
        return min((each for name, each in self._reached[path].items() if name not in unfit), default=_END)

    def _take(self, path: str, kept: Kept) -> int:
        for name, frame in kept.items():
            self._held.setdefault((path, name), []).append(frame)
            turn = frame[TURN][-1] if TURN in frame.columns else 0
            self._reached[path][name] = (turn, frame["t_ns"][-1])
        return sum(frame.height for frame in kept.values())

    def _withdraw(self, path: str) -> None:
        """Drops held readings of a file, now read, that do not count."""
        rows = self._rows[path]
        for name in self._files.files[path]:
            if name not in rows.counts:
                self._held.pop((path, name), None)
                if (path, name) in self._given:
                    raise WithdrawnError(path, rows)

    def _give(self, until: tuple[int, int]) -> Iterator[Piece]:
        """Gives out what is held up to a turn and time that all modalities have reached."""
        while self._held:
            turn, due = self._turn, {}
            for key, frames in list(self._held.items()):
                whole = _whole(frames)
                count = _passed(whole, turn, until)
                if count:
                    due[key] = whole.head(count)
                rest = whole.slice(count)
                self._held[key] = [rest]
                if not rest.height:
                    del self._held[key]
            if due:
                yield from self._settle(due)
            if until[0] <= turn:
                return
            if self._held:
                self._turn = min(int(frames[0][TURN][0]) for frames in self._held.values())
                self._timeline.set_back()

    def _settle(self, due: Mapping[tuple[str, str], pl.DataFrame]) -> Iterator[Piece]:
        """Says which part readings lie in; they follow all those before, and belong to one turn."""
        times = {key: frame["t_ns"].to_numpy() for key, frame in due.items()}
        parts = self._timeline.add(list(times.values()))
        self._ids += [
            short_id(self._name, self._files.owner.key, part)
            for part in range(len(self._ids), parts.first + len(parts.starts))
        ]
        marked = [
            pl.DataFrame([frame["t_ns"], frame[LABEL].alias("label")])
            for _, frame in sorted(due.items())
            if LABEL in frame.columns
        ]
        if marked:
            self._labelled = True
            self._labels.add(marked, parts)
        for (path, name), frame in due.items():
            self._given.add((path, name))
            edges = [*np.searchsorted(times[path, name], parts.starts[1:]).tolist(), frame.height]
            rows, start = pl.DataFrame([column for column in frame if column.name not in (LABEL, TURN)]), 0
            for number, stop in enumerate(edges, start=parts.first):
                if start < stop:
                    self._origins.setdefault(name, {})[number] = path
                    yield Piece(name, self._ids[number], rows.slice(start, stop - start))
                start = stop

    def tables(self, sha256: Mapping[str, str]) -> RecordingTables:
        """What the recording gave beside its readings, once they were all given out.

        Args:
            sha256: digests by file.
        """
        entries = {path: rows.entry() for path, rows in self._rows.items()}
        quarantine = pl.concat([empty(QUARANTINE), *(frame for rows in self._rows.values() for frame in rows.aside)])
        parts = self._timeline.parts
        if not self._ids:
            return RecordingTables(empty(recordings_schema(self._source)), empty(LABELS), quarantine, entries)
        owner, labels = self._files.owner, self._source.labels
        if self._files.marks is not None:
            marked, unfit = marked_recording(self._files.marks, owner.label, labels, parts)
            quarantine = pl.concat([quarantine, unfit_marks(min(self._files.files), unfit)])
        elif self._labelled:
            marked = self._labels.intervals(parts)
        else:
            marked = whole_recording(owner.label, labels, parts)
        ids = pl.Series("recording", self._ids)
        return RecordingTables(
            recordings=self._recordings(ids, parts, sha256),
            labels=marked.with_columns(ids.gather(marked["part"]).alias("recording")).select(*LABELS),
            quarantine=quarantine,
            files=entries,
        )

    def _recordings(self, ids: pl.Series, parts: Parts, sha256: Mapping[str, str]) -> pl.DataFrame:
        owner, first, count = self._files.owner, min(self._files.files), len(ids)
        about = {
            "source": self._name,
            "subject": owner.subject,
            "device": owner.device,
            "placement": owner.placement,
            "session": owner.session,
            "file": first,
            "sha256": sha256[first],
        }
        columns: dict[str, Any] = {"recording": ids, "start_ns": parts.starts, "stop_ns": parts.stops}
        columns |= {name: [value] * count for name, value in about.items()}
        columns |= {f"file_{name}": [by.get(part) for part in range(count)] for name, by in self._origins.items()}
        schema = recordings_schema(self._source)
        return pl.DataFrame({name: columns.get(name, [None] * count) for name in schema}, schema=schema)


def _whole(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Frames as one; what is looked at from here on (times and labels, not values) lies in one piece."""
    whole = frames[0] if len(frames) == 1 else pl.concat(frames)
    return pl.DataFrame([each.rechunk() if each.name in ("t_ns", LABEL) else each for each in whole])


def _passed(frame: pl.DataFrame, turn: int, until: tuple[int, int]) -> int:
    """How many of the first rows of a modality lie in a turn and at or before a moment of it, or anywhere in it."""
    count = int(frame[TURN].search_sorted(turn, side="right")) if TURN in frame.columns else frame.height
    if until[0] > turn:
        return count
    if until[0] < turn:
        return 0
    return int(np.searchsorted(frame["t_ns"].head(count).to_numpy(), until[1], side="right"))

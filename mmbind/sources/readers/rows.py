"""Tables with typed cells: frames of rows in, blocks out, wide or long.

Shared by the formats whose files hold named columns. A reading's line is its row, counted
from 1. Numbers may be stored as texts; a text that is none breaks its reading.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mmbind.config import ModalitySource, Source, TableReader
from mmbind.sources.readers.moments import known_moments, shown_moments
from mmbind.sources.readers.streams import CutOffError
from mmbind.sources.table import (
    Block,
    RawFile,
    Sensors,
    broken_frame,
    find_missing,
    lacking,
    needed_columns,
    position,
    time_column,
)

#: Rows of a block.
ROWS = 1 << 20

#: Name and type of a column; None where its cells may have any.
Column = tuple[str, pl.DataType | None]


@dataclass(frozen=True)
class RowTable:
    """A table and what to take from it.

    Attributes:
        names: its columns.
        present: the modalities that it can give.
        label: the label's column, None for none.
        sensor: the column of the sensor's name; None in wide tables.
        missing: see :class:`~mmbind.sources.table.RawFile`.
        unlabelled: see there.
        sensors: sorts the rows of a long table; None in wide ones.
    """

    names: list[str]
    present: Mapping[str, ModalitySource]
    label: str | None
    sensor: str | None
    missing: dict[str, str]
    unlabelled: list[str]
    sensors: Sensors | None

    @classmethod
    def of(cls, columns: Sequence[Column], source: Source, modalities: Mapping[str, ModalitySource]) -> RowTable:
        """Finds the columns of some modalities.

        Args:
            columns: the table's.
            source: label column, layout.
            modalities: what to take from it.
        """
        names = [name for name, _ in columns]
        missing = find_missing(modalities, names)
        for name, spec in modalities.items():
            if name not in missing and (reason := _unfit(spec, columns, names)):
                missing[name] = reason
        sensor = source.reader.sensor_column if isinstance(source.reader, TableReader) else None
        if sensor is not None and names.count(sensor) != 1:
            missing = dict.fromkeys(modalities, lacking(sensor, names))
        present = {name: spec for name, spec in modalities.items() if name not in missing}
        label = source.labels.column
        found_label = label if label is not None and names.count(label) == 1 else None
        return cls(
            names=names,
            present=present,
            label=found_label,
            sensor=sensor,
            missing=missing,
            unlabelled=[lacking(label, names)] if label is not None and found_label is None else [],
            sensors=None if sensor is None else Sensors.of(present),
        )

    @property
    def columns(self) -> list[str]:
        """The columns to read, in the table's order; none when no modality can be had."""
        if not self.present:
            return []
        taken = {self._name(column) for spec in self.present.values() for column in needed_columns(spec)}
        return [name for name in self.names if name in taken or name in (self.label, self.sensor)]

    def raw_file(self, frames: Callable[[list[str]], Iterable[pl.DataFrame]]) -> RawFile:
        """The file as ingest wants it.

        Args:
            frames: yields consecutive rows of some columns. Raises
                :class:`~mmbind.sources.readers.streams.CutOffError` where the file ends
                early: what came before it is kept.
        """
        passed = {} if self.sensors is None else self.sensors.passed
        return RawFile(self._blocks(frames) if self.present else [], self.missing, self.unlabelled, passed)

    def _blocks(self, frames: Callable[[list[str]], Iterable[pl.DataFrame]]) -> Iterator[Block]:
        start = 0
        try:
            for frame in frames(self.columns):
                if frame.height:
                    yield self.block(frame, start)
                    start += frame.height
        except CutOffError as error:
            yield self._end(start, str(error))
        if self.sensors is not None:
            self.missing.update(self.sensors.find_missing())

    def block(self, frame: pl.DataFrame, start: int) -> Block:
        """Takes some rows apart.

        Args:
            frame: rows of :attr:`columns`.
            start: how many rows came before them.
        """
        whole, frame = frame, known_moments(frame)
        lines = pl.Series("line", range(start + 1, start + frame.height + 1), dtype=pl.Int64)
        broken: list[tuple[str | None, int, str]] = []
        if self.sensors is None or self.sensor is None:
            numbers = dict.fromkeys(self.present, (lines - 1).alias("row"))
            told = pl.repeat(value=True, n=frame.height, eager=True)
        else:
            names = frame[self.sensor].cast(pl.String, strict=False).str.strip_chars().fill_null("")
            numbers, told = self.sensors.number(names), names != ""
            broken += [(None, line, f"it names no sensor (column {self.sensor!r}).") for line in lines.filter(~told)]
        readings = {}
        for name, spec in self.present.items():
            mine = numbers[name].is_not_null() & told
            rows = frame if mine.all() else frame.filter(mine)
            keys = [lines.filter(mine), numbers[name].filter(mine)]
            readings[name], worded = self._readings(rows, keys, spec)
            broken += [(name, line, reason) for line, reason in worded.items()]
        read = {name: frame.height - numbers[name].null_count() for name in self.present}
        return Block(readings, broken_frame(broken), read, lambda asked: _raw(whole, asked, start))

    def _end(self, start: int, reason: str) -> Block:
        """A block of one broken row, which ends the file."""
        if self.sensors is not None:
            self.sensors.number(pl.Series([None], dtype=pl.String))
        none = pl.DataFrame(schema=dict.fromkeys(self.columns, pl.Null))
        keys = [pl.Series(key, [], dtype=pl.Int64) for key in ("line", "row")]
        readings = {name: self._readings(none, keys, spec)[0] for name, spec in self.present.items()}
        broken = broken_frame([(None, start + 1, reason)])
        return Block(
            readings, broken, dict.fromkeys(readings, 1), lambda asked: pl.Series([b""] * len(asked), dtype=pl.Binary)
        )

    def _readings(
        self, frame: pl.DataFrame, keys: list[pl.Series], spec: ModalitySource
    ) -> tuple[pl.DataFrame, dict[int, str]]:
        """A modality's readings from its rows, and by line why one is none."""
        table = list(keys)
        time = time_column(spec)
        if time is not None:
            table.append(frame[self._name(time)].alias("time"))
        if self.label is not None:
            table.append(frame[self.label].cast(pl.String, strict=False).str.strip_chars().alias("label"))
        broken: dict[int, str] = {}
        for channel, column in enumerate(spec.columns):
            logged = frame[self._name(column)]
            if logged.dtype == pl.String:
                trimmed = logged.str.strip_chars()
                logged = trimmed.set(trimmed == "", None)
            values = logged.cast(pl.Float64, strict=False)
            for row in (logged.is_not_null() & values.is_null()).arg_true():
                broken.setdefault(keys[0][row], f"column {column!r}: {logged[row]!r} is not a number.")
            table.append(values.alias(f"v{channel}"))
        whole = pl.DataFrame(table)
        lines = sorted(broken)
        return (whole.filter(~pl.col("line").is_in(lines)) if broken else whole), {k: broken[k] for k in lines}

    def _name(self, column: str | int) -> str:
        return self.names[_known(column, self.names)]


def _known(column: str | int, names: list[str]) -> int:
    found = position(column, names)
    if found is None:
        raise KeyError(column)
    return found


def _unfit(spec: ModalitySource, columns: Sequence[Column], names: list[str]) -> str:
    """Why a modality's columns, all there, cannot be taken; empty when they can."""
    for column in needed_columns(spec):
        found = _known(column, names)
        if names.count(names[found]) > 1:
            return f"the column {column!r} is called {names[found]!r} like another."
        if column in spec.columns and not _may_hold_numbers(columns[found][1]):
            return f"the column {column!r} holds {columns[found][1]}, not numbers."
    return ""


def _may_hold_numbers(dtype: pl.DataType | None) -> bool:
    return dtype is None or dtype.is_numeric() or dtype in (pl.String, pl.Null)


def _raw(frame: pl.DataFrame, lines: pl.Series, start: int) -> pl.Series:
    """Some rows (by line, repeats allowed) as JSON objects."""
    wanted = lines.unique().sort()
    rows = shown_moments(frame[(wanted - start - 1).to_list()]).iter_rows(named=True)
    found = [json.dumps(row, default=str).encode() for row in rows]
    return pl.Series(found, dtype=pl.Binary).gather(wanted.search_sorted(lines))

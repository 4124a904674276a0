"""Tables of labels beside the logs: which rows belong to which recording.

A label table is an input like a log: what it says of a recording is part of what the
recording is read from, so a changed row re-reads just what it labels. Rows that belong to no
recording are set aside; rows in = rows that label something + rows set aside.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.config import LabelTable, Source
from mmbind.errors import DataError, InputError, nearest
from mmbind.files import sha256_file
from mmbind.schema import QUARANTINE
from mmbind.sources.discover import RecordingFiles, find_files
from mmbind.sources.labels import Mark
from mmbind.sources.rules import BAD_LABEL, NO_RECORDING
from mmbind.units import NANOSECONDS


@dataclass(frozen=True)
class Marked:
    """A source's recordings with what label tables say of them.

    Attributes:
        recordings: all of them; ``marks`` is set where there are rows.
        quarantine: rows set aside, ``schema.QUARANTINE``.
        tables: by path: sha256, rows, used, quarantined.
    """

    recordings: list[RecordingFiles]
    quarantine: pl.DataFrame
    tables: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class _Row:
    """A row of a table, before it is known whom it belongs to; ``problem`` is empty when it is sound."""

    mark: Mark
    groups: Mapping[str, str]
    problem: str


def read_label_tables(folder: Path, name: str, source: Source, recordings: Sequence[RecordingFiles]) -> Marked:
    """Reads a source's label tables and gives their rows to the recordings.

    Args:
        folder: the source's raw files.
        name: the source's name, for messages.
        source: its configuration.
        recordings: as discovered.

    Raises:
        InputError: when no table is found, or one lacks a column.
        DataError: when a table cannot be read as text.
    """
    table = source.labels.table
    if table is None:
        return Marked(list(recordings), pl.DataFrame(schema=QUARANTINE), {})
    place = f"sources.{name}.labels.table"
    marks: dict[str, list[Mark]] = {}
    aside: list[tuple[Any, ...]] = []
    tables: dict[str, dict[str, Any]] = {}
    known = _Recordings(recordings)
    for path in find_files(folder, table.files, place=f"{place}.files"):
        rows = list(_rows(folder / path, path, table, place))
        lost = 0
        for row in rows:
            owners = [] if row.problem else known.of(row.groups)
            for owner in owners:
                marks.setdefault(owner, []).append(row.mark)
            if not owners:
                told = ", ".join(f"{group} {value}" for group, value in sorted(row.groups.items()))
                rule, reason = (BAD_LABEL, row.problem) if row.problem else (NO_RECORDING, f"no recording has {told}.")
                aside.append((path, row.mark.line, None, row.mark.raw.encode(), rule, reason))
                lost += 1
        tables[path] = {
            "sha256": sha256_file(folder / path),
            "rows": len(rows),
            "used": len(rows) - lost,
            "quarantined": lost,
        }
    marked = [
        replace(each, marks=tuple(marks[each.owner.key])) if each.owner.key in marks else each for each in recordings
    ]
    return Marked(marked, pl.DataFrame(aside, schema=QUARANTINE, orient="row"), tables)


class _Recordings:
    """Keys of recordings by what their paths tell."""

    def __init__(self, recordings: Sequence[RecordingFiles]) -> None:
        self._owners = [recording.owner for recording in recordings]
        self._by_groups: dict[tuple[str, ...], dict[tuple[str, ...], list[str]]] = {}

    def of(self, groups: Mapping[str, str]) -> list[str]:
        """The recordings that tell all of some groups."""
        names = tuple(sorted(groups))
        if names not in self._by_groups:
            found: dict[tuple[str, ...], list[str]] = {}
            for owner in self._owners:
                if all(name in owner.groups for name in names):
                    found.setdefault(tuple(owner.groups[name] for name in names), []).append(owner.key)
            self._by_groups[names] = found
        return self._by_groups[names].get(tuple(groups[name] for name in names), [])


def _rows(file: Path, path: str, table: LabelTable, place: str) -> Iterator[_Row]:
    """The rows of a table, sound or not."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read as a table of labels: {error}.", path=file) from None
    if not lines:
        raise DataError("the table of labels is empty.", path=file)
    header = [field.strip() for field in _split(lines[0], table.separator)]
    single = {"label": table.label, "start": table.start, "stop": table.stop}
    wanted = {key: column for key, column in single.items() if column is not None}
    for group, column in table.columns.items():
        wanted[f"columns.{group}"] = column
    for column in table.patterns:
        wanted[f"patterns.{column}"] = column
    for key, column in wanted.items():
        if header.count(column) != 1:
            raise InputError(f"{path} has no column {column!r} ({place}.{key}).", hint=nearest(column, header))
    from_path: dict[str, str] = {}
    if table.path is not None:
        found = re.search(table.path, path)
        if found is None:
            raise InputError(f"{path} does not fit the pattern {table.path!r} ({place}.path).")
        from_path = {group: value for group, value in found.groupdict().items() if value is not None}
    for number, raw in enumerate(lines[1:], start=2):
        if raw.strip():
            yield _row(
                _split(raw, table.separator), Mark(path, number, raw, None, None, None), header, table, from_path
            )


def _split(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator))


def _row(fields: list[str], place: Mark, header: list[str], table: LabelTable, from_path: Mapping[str, str]) -> _Row:
    if len(fields) != len(header):
        return _Row(place, {}, f"the row has {len(fields)} fields, not {len(header)}.")
    value = {name: field.strip() for name, field in zip(header, fields, strict=True)}
    groups = dict(from_path)
    for group, column in table.columns.items():
        groups[group] = value[column]
    for column, pattern in table.patterns.items():
        found = re.search(pattern, value[column])
        if found is None:
            return _Row(place, groups, f"column {column!r}: {value[column]!r} does not fit the pattern {pattern!r}.")
        groups |= {group: text for group, text in found.groupdict().items() if text is not None}
    label = None if table.label is None else value[table.label]
    if table.start is None or table.stop is None:
        return _Row(replace(place, label=label), groups, "")
    moments = []
    for column in (table.start, table.stop):
        moment = _nanoseconds(value[column], table.unit)
        if moment is None:
            return _Row(place, groups, f"column {column!r}: {value[column]!r} is no time in {table.unit}.")
        moments.append(moment)
    if moments[0] >= moments[1]:
        return _Row(place, groups, f"the interval ends ({value[table.stop]}) before it begins ({value[table.start]}).")
    return _Row(replace(place, label=label, start_ns=moments[0], stop_ns=moments[1]), groups, "")


def _nanoseconds(text: str, unit: str) -> int | None:
    """A time in ns, exact for whole numbers; None when it is none."""
    factor = NANOSECONDS[unit]
    try:
        number = int(text) * factor if re.fullmatch(r"[+-]?\d+", text) else float(text) * factor
    except ValueError:
        return None
    return round(number) if math.isfinite(number) and abs(number) < 2**62 else None

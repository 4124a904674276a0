"""Columns: which hold times, labels and sensors, and which belong together as a modality."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.inspection.evidence import Table
from mmbind.inspection.units import Reals, looks_like
from mmbind.inspection.words import LABELS, SENSOR_COLUMNS, TIMES, modality_of, split_axis, words

Flags = npt.NDArray[np.bool_]

#: Labels and sensors have at most as many distinct values.
KINDS = 60


@dataclass(frozen=True)
class Modality:
    """Columns that are one sensor.

    Attributes:
        name: of the modality, as params.yaml names it.
        columns: names of its columns, in channel order.
        channels: names of its channels; empty for c0, c1, ...
        told: what its columns are called, for units in names.
        why: how it was told; empty for by its name.
        sensor: long layouts: the sensor whose rows it has.
        variable: MATLAB and HDF5.
        time_axis: of the variable.
    """

    name: str
    columns: list[str]
    channels: list[str]
    told: list[str]
    why: str = ""
    sensor: str | None = None
    variable: str | None = None
    time_axis: int = 0

    def values(self, table: Table) -> Reals:
        """Its readings, float64 (n, channels), those without a value left out."""
        return self.rows(table)[self.whole(table)]

    def rows(self, table: Table) -> Reals:
        """All rows of its columns, float64 (n, channels)."""
        return np.stack([table.columns[column].cast(pl.Float64).to_numpy() for column in self.columns], axis=1)

    def whole(self, table: Table) -> Flags:
        """Which rows of a table are readings of it."""
        finite: Flags = np.all(np.isfinite(self.rows(table)), axis=1)
        if self.sensor is None or table.height == 0:
            return finite
        of_sensor = next((c for c in table.columns.values() if c.dtype == pl.String and (c == self.sensor).any()), None)
        if of_sensor is None:
            return finite
        mine: Flags = (of_sensor == self.sensor).fill_null(value=False).to_numpy()
        return finite & mine


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are.

    Attributes:
        times: columns that may hold times, best first.
        label: column of labels, None for none.
        sensor: column that names each row's sensor, None where rows hold all of them.
        modalities: what is left.
        left: columns that are none of that.
    """

    times: list[str]
    label: str | None
    sensor: str | None
    modalities: list[Modality]
    left: list[str] = field(default_factory=list)


def roles_of(table: Table, hint: str | None = None) -> Roles:
    """Sorts a table's columns.

    Args:
        table: the table.
        hint: what the file's name says of its sensor.
    """
    texts = [name for name, column in table.columns.items() if column.dtype == pl.String]
    sensor = next((name for name in texts if _names_sensors(name, table.columns[name])), None)
    label = next((name for name in texts if name != sensor and _is_label(name, table)), None)
    times = _times(table)
    numbers = [
        name
        for name, column in table.columns.items()
        if column.dtype.is_numeric() and name not in times[:1] and not _is_counter(name, table)
    ]
    if not any(set(words(table.called(name))) & set(LABELS) for name in [label or ""]):
        coded = next((name for name in numbers if set(words(table.called(name))) & set(LABELS)), None)
        label = coded if coded is not None else label
    numbers = [name for name in numbers if name != label and name not in times]
    modalities = _of_sensors(table, sensor, numbers) if sensor is not None else _grouped(table, numbers, hint)
    modalities = [replace(each, variable=table.variable, time_axis=table.time_axis) for each in modalities]
    used = {column for each in modalities for column in each.columns}
    left = [name for name in table.columns if name not in {*used, *times[:1], label, sensor}]
    return Roles(times, label, sensor, modalities, left)


def _names_sensors(name: str, column: pl.Series) -> bool:
    values = column.drop_nulls().unique()
    known = [value for value in values if modality_of(words(value)) and value]
    called = set(words(name)) & set(SENSOR_COLUMNS)
    return 1 <= len(values) <= KINDS and 2 * len(known) >= len(values) and (len(values) > 1 or bool(called))


def _is_label(name: str, table: Table) -> bool:
    column = table.columns[name].drop_nulls()
    few = 1 <= column.n_unique() <= min(KINDS, max(2, len(column) // 4))
    return few and not re.fullmatch(r"[\d\s:T.+Z/-]*", str(column[0] if len(column) else ""))


def _times(table: Table) -> list[str]:
    """Columns that may be times: named so, or ascending like one; those named so first."""
    found = []
    for name, column in table.columns.items():
        named = bool(set(words(table.called(name))) & set(TIMES))
        if column.dtype.is_temporal() or (column.dtype == pl.String and named and _moments(column)):
            found.append((0, name))
        elif column.dtype.is_numeric() and (ascent := _ascent(column, table.batch)) > 0.6:
            if named and ascent > 0.6:
                found.append((1, name))
            elif ascent > 0.98 and not split_axis(table.called(name))[1] and not _is_counter(name, table):
                found.append((2, name))
    best = min((rank for rank, _ in found), default=0)
    return [name for rank, name in sorted(found, key=lambda each: each[0]) if rank < 2 or best == 2]


def _moments(column: pl.Series) -> bool:
    return bool(column.drop_nulls().head(20).str.contains(r"^\s*\d{4}-?\d\d-?\d\d").all())


def _ascent(column: pl.Series, batch: pl.Series | None) -> float:
    """Share of steps that do not go back; 0 for a column that hardly changes."""
    values = column.drop_nulls().cast(pl.Float64).to_numpy()
    if batch is not None and len(batch) == len(column):
        values = values[np.flatnonzero(np.diff(batch.to_numpy(), prepend=-1))] if not column.has_nulls() else values
    steps = np.diff(values)
    if len(steps) < 3 or len(np.unique(values)) < len(values) // 20 or values[-1] <= values[0]:
        return 0.0
    return float((steps >= 0).mean())


def _is_counter(name: str, table: Table) -> bool:
    """Whether a column only counts rows."""
    values = table.columns[name].drop_nulls().cast(pl.Float64).to_numpy()
    named = set(words(table.called(name))) & {"index", "id", "row", "sample", "counter", "seq", "number", "unnamed"}
    return bool(len(values) > 3 and (np.diff(values) == 1).all() and (named or not table.called(name)))


def _of_sensors(table: Table, sensor: str, numbers: Sequence[str]) -> list[Modality]:
    """One modality per sensor of a long table, with the columns that its rows fill."""
    found: list[Modality] = []
    column = table.columns[sensor]
    for value in sorted(column.drop_nulls().unique()):
        rows = (column == value).fill_null(value=False)
        filled = [name for name in numbers if table.columns[name].filter(rows).null_count() < rows.sum() // 2]
        if filled:
            channels = [split_axis(table.called(name))[1] or f"c{at}" for at, name in enumerate(filled)]
            channels = channels if len(set(channels)) == len(channels) else []
            name = modality_of(words(value)) or _slug(value)
            told = [table.called(each) for each in filled]
            found.append(Modality(name, filled, channels, told, sensor=value))
    return _apart(found)


def _grouped(table: Table, numbers: Sequence[str], hint: str | None) -> list[Modality]:
    """Columns whose names differ in the axis alone; without names, threes told apart by physics."""
    stems: dict[tuple[str, ...], list[tuple[str, str | None]]] = {}
    unnamed = [name for name in numbers if table.called(name).isdigit()]
    for name in numbers:
        if name not in unnamed:
            left, axis = split_axis(table.called(name))
            left = [word for word in left if axis not in ("azimuth", "yaw", "pitch", "roll") or modality_of([word])]
            stems.setdefault(tuple(left), []).append((name, axis))
    found = []
    for words_left, members in stems.items():
        stem = list(words_left)
        named = modality_of(stem)
        angles = {axis for _, axis in members} & {"azimuth", "yaw", "pitch", "roll"}
        columns = [name for name, _ in members]
        told = [table.called(name) for name in columns]
        axes = [axis or "" for _, axis in members]
        channels = axes if len(set(axes)) == len(axes) and all(axes) else []
        channels = [f"q{axis}" if axis.isdigit() else axis for axis in channels]
        if len(members) == 1:
            channels = ["value"]
        if named is not None or angles:
            found.append(Modality(named or "orientation", columns, channels, told))
        elif len(members) >= 3:
            values = _values(table, columns)
            name = hint or looks_like(values) or _slug("_".join(stem) or "motion")
            found.append(Modality(name, columns, channels, told, "" if hint else "by its values, not by its name"))
        elif hint is not None and len(members) == 1 and len(stems) == 1:
            found.append(Modality(hint, columns, channels, told))
    return _apart([*found, *_unnamed(table, unnamed, hint)])


def _unnamed(table: Table, columns: Sequence[str], hint: str | None) -> list[Modality]:
    """Modalities of columns without names."""
    one = hint is not None and hint != "imu"
    if not columns or (one and len(columns) not in (6, 9)) or (len(columns) % 3 and len(columns) not in (4,)):
        name = hint if hint and hint != "imu" else _slug(table.variable or "signal")
        channels = list("xyz") if len(columns) == 3 else []
        return [Modality(name, list(columns), channels, [])] if columns else []
    if len(columns) in (3, 4) or len(columns) > 12:
        name = (hint if one else None) or looks_like(_values(table, columns)) or _slug(table.variable or "signal")
        return [Modality(name, list(columns), list("xyz") if len(columns) == 3 else [], [], "by its values")]
    found = []
    for start in range(0, len(columns), 3):
        three = list(columns[start : start + 3])
        name = looks_like(_values(table, three)) or f"signal_{start // 3}"
        found.append(Modality(name, three, list("xyz"), [], "by its values: the columns have no names"))
    return found


def _values(table: Table, columns: Sequence[str]) -> Reals:
    values: Reals = np.stack([table.columns[name].cast(pl.Float64).to_numpy() for name in columns], axis=1)
    finite: Flags = np.all(np.isfinite(values), axis=1)
    return values[finite]


def _apart(found: Sequence[Modality]) -> list[Modality]:
    """Modalities with names of their own: a second accelerometer is acc2."""
    seen: dict[str, int] = {}
    apart = []
    for each in found:
        seen[each.name] = seen.get(each.name, 0) + 1
        number = seen[each.name]
        apart.append(replace(each, name=each.name if number == 1 else f"{each.name}{number}"))
    return apart


def _slug(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"m_{plain}".rstrip("_")


def merged(tables: Sequence[Roles]) -> Mapping[str, Modality]:
    """The modalities of all tables, by name; a second one of a name gets a number."""
    return {each.name: each for each in _apart([m for roles in tables for m in roles.modalities])}

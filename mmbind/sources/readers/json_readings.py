"""Readings out of JSON records: one of a record, or a batch of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mmbind.sources.readers.fields import (
    ABSENT,
    Keys,
    UnfitError,
    check_numbers,
    dotted,
    label_text,
    pick,
    time_text,
)


@dataclass
class Fields:
    """One modality's fields, and what of them was seen.

    Attributes:
        values: paths of the channels.
        time: path of the time, None where none is needed.
        label: path of the label, None for none.
        one_time: whether a batch has one time, not one per reading.
        row: readings so far, broken ones included.
        seen: paths that were present at least once.
    """

    values: list[Keys]
    time: Keys | None
    label: Keys | None
    one_time: bool
    row: int = 0
    seen: set[Keys] = field(default_factory=set)


@dataclass
class Readings:
    """Readings of a block, column by column."""

    values: list[list[float | None]]
    line: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    time: list[str | None] = field(default_factory=list)
    label: list[str | None] = field(default_factory=list)

    def frame(self, modality: Fields, batches: bool) -> pl.DataFrame:
        """The frame of :mod:`mmbind.sources.table`."""
        series = [pl.Series("line", self.line, dtype=pl.Int64), pl.Series("row", self.row, dtype=pl.Int64)]
        if batches:
            series.append(pl.Series("place", self.place, dtype=pl.Int64))
            series.append(pl.Series("size", self.size, dtype=pl.Int64))
        if modality.time is not None:
            series.append(pl.Series("time", self.time, dtype=pl.String))
        if modality.label is not None:
            series.append(pl.Series("label", self.label, dtype=pl.String))
        series += [
            pl.Series(f"v{channel}", values, dtype=pl.Float64, strict=False)
            for channel, values in enumerate(self.values)
        ]
        return pl.DataFrame(series)


def _pick_values(record: dict[str, Any], modality: Fields) -> list[Any] | None:
    """The channels' fields; None when the record has none of them."""
    values = [pick(record, keys) for keys in modality.values]
    present = [keys for keys, value in zip(modality.values, values, strict=True) if value is not ABSENT]
    if not present:
        return None
    modality.seen.update(present)
    return values


def take_reading(record: dict[str, Any], line: int, modality: Fields, columns: Readings) -> int:
    """Takes a line with one reading; returns how many readings of the modality it holds.

    Args:
        record: the line's object.
        line: its number.
        modality: the modality.
        columns: takes the reading.

    Raises:
        UnfitError: when a field is not what it should be; nothing was taken then.
    """
    values = _pick_values(record, modality)
    if values is None:
        return 0
    values = [None if value is ABSENT else value for value in values]
    for keys, value in zip(modality.values, values, strict=True):
        check_numbers(keys, [value])
    time = _one_time(record, modality)
    label = _one_label(record, modality)
    columns.line.append(line)
    columns.row.append(modality.row)
    columns.time.append(time)
    columns.label.append(label)
    for column, value in zip(columns.values, values, strict=True):
        column.append(value)
    return 1


def take_batch(record: dict[str, Any], line: int, modality: Fields, columns: Readings) -> int:
    """Takes a line with a batch; see :func:`take_reading`."""
    values = _pick_values(record, modality)
    if values is None:
        return 0
    count = len(values[0]) if isinstance(values[0], list) else 0
    for keys, value in zip(modality.values, values, strict=True):
        if not isinstance(value, list):
            raise UnfitError(f"the field {dotted(keys)!r} is {'missing' if value is ABSENT else 'no list'}.")
        if len(value) != count:
            raise UnfitError(f"the field {dotted(keys)!r} has {len(value)} readings, not {count}.")
        check_numbers(keys, value)
    times = [_one_time(record, modality)] * count if modality.one_time else _times(record, modality, count)
    labels = _labels(record, modality, count)
    columns.line += [line] * count
    columns.row += range(modality.row, modality.row + count)
    columns.place += range(count)
    columns.size += [count] * count
    columns.time += times
    columns.label += labels
    for column, value in zip(columns.values, values, strict=True):
        column += value
    return count


def _one_time(record: dict[str, Any], modality: Fields) -> str | None:
    if modality.time is None:
        return None
    value = pick(record, modality.time)
    if value is not ABSENT:
        modality.seen.add(modality.time)
    return time_text(value, modality.time)


def _times(record: dict[str, Any], modality: Fields, count: int) -> list[str | None]:
    """A time per reading of a batch."""
    if modality.time is None:
        return [None] * count
    values = pick(record, modality.time)
    if values is not ABSENT:
        modality.seen.add(modality.time)
    if not isinstance(values, list) or len(values) != count:
        raise UnfitError(f"the field {dotted(modality.time)!r} is no list of {count} times.")
    return [time_text(value, modality.time) for value in values]


def _one_label(record: dict[str, Any], modality: Fields) -> str | None:
    if modality.label is None:
        return None
    value = pick(record, modality.label)
    if value is not ABSENT:
        modality.seen.add(modality.label)
    return label_text(value)


def _labels(record: dict[str, Any], modality: Fields, count: int) -> list[str | None]:
    """A label per reading of a batch, from one label or a list of them."""
    if modality.label is None:
        return [None] * count
    value = pick(record, modality.label)
    if not isinstance(value, list):
        return [_one_label(record, modality)] * count
    modality.seen.add(modality.label)
    if len(value) != count:
        raise UnfitError(f"the field {dotted(modality.label)!r} has {len(value)} labels, not {count}.")
    return [label_text(label) for label in value]

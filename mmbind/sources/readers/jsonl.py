"""JSON lines: a reading per line, or a batch of readings per line.

Fields are named by dotted paths (``acc.x``). A line that has none of a modality's fields is
no reading of it; a line that has none of any modality is broken. Numbers must be JSON
numbers: texts and truth values are not turned into some.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.config import BatchClock, JsonlReader, ModalitySource, Source
from mmbind.sources.readers.lines import LineBlock, data_lines, line_blocks
from mmbind.sources.table import Block, RawFile, broken_frame, lacking, time_column

_ABSENT = object()
Keys = tuple[str, ...]


class _Unfit(Exception):  # noqa: N818  (it becomes a reason)
    """A line that does not hold what it should."""


@dataclass
class _Modality:
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
class _Columns:
    """Readings of a block, column by column."""

    line: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    time: list[str | None] = field(default_factory=list)
    label: list[str | None] = field(default_factory=list)
    values: list[list[float | None]] = field(default_factory=list)


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a JSON lines file.

    Args:
        path: the file.
        source: its source; the layout and the label's field.
        modalities: what to take from it.
    """
    if not isinstance(source.reader, JsonlReader):
        raise TypeError(source.reader)
    label = source.labels.column
    found = {
        name: _Modality(
            values=[_keys(column) for column in spec.columns],
            time=None if (time := time_column(spec)) is None else _keys(time),
            label=None if label is None else _keys(label),
            one_time=isinstance(spec.clock, BatchClock),
        )
        for name, spec in modalities.items()
    }
    missing: dict[str, str] = {}
    unlabelled: list[str] = []
    blocks = _blocks(path, found, missing, unlabelled, batches=source.reader.layout == "batch")
    return RawFile(blocks, missing, unlabelled)


def _keys(column: str | int) -> Keys:
    return tuple(str(column).split("."))


def _blocks(
    path: Path, modalities: dict[str, _Modality], missing: dict[str, str], unlabelled: list[str], *, batches: bool
) -> Iterator[Block]:
    """The file's blocks; what no line had is put into ``missing`` and ``unlabelled`` at the end."""
    known: list[str] = []
    for lines in line_blocks(path):
        block = _block(lines, modalities, known, batches=batches)
        if block is not None:
            yield block
    for name, modality in modalities.items():
        needed = [*modality.values, *([] if modality.time is None else [modality.time])]
        for keys in needed:
            if known and keys not in modality.seen:
                missing[name] = lacking(".".join(keys), known)
                break
    labels = {modality.label for modality in modalities.values() if modality.label is not None}
    unseen = labels.difference(*(modality.seen for modality in modalities.values()))
    unlabelled += [lacking(".".join(keys), known) for keys in sorted(unseen) if known]


def _block(lines: LineBlock, modalities: dict[str, _Modality], known: list[str], *, batches: bool) -> Block | None:
    columns = {name: _Columns(values=[[] for _ in modality.values]) for name, modality in modalities.items()}
    broken: list[tuple[str | None, int, str]] = []
    read = dict.fromkeys(modalities, 0)
    take = _take_batch if batches else _take_reading
    for index in data_lines(lines, None).nonzero()[0].tolist():
        text, number = lines.line(index), lines.first + index
        if not text.strip() and not lines.cut:
            continue
        try:
            record = _record(text, lines.cut)
        except _Unfit as error:
            broken.append((None, number, str(error)))
            _count(modalities, read, dict.fromkeys(modalities, 1))
            continue
        if not known:
            known += _fields(record)
        counts = {}
        for name, modality in modalities.items():
            try:
                counts[name] = take(record, number, modality, columns[name])
            except _Unfit as error:
                broken.append((name, number, str(error)))
                counts[name] = 1
        if not any(counts.values()):
            broken.append((None, number, "the line has no field of any modality, or an empty batch."))
            counts = dict.fromkeys(modalities, 1)
        _count(modalities, read, counts)
    if not any(read.values()):
        return None
    frames = {name: _frame(columns[name], modality, batches=batches) for name, modality in modalities.items()}
    return Block(frames, broken_frame(broken), read, lines.raw)


def _count(modalities: dict[str, _Modality], read: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        modalities[name].row += count
        read[name] += count


def _record(text: bytes, cut: str) -> dict[str, Any]:
    if cut:
        raise _Unfit(cut)
    try:
        record = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise _Unfit("the line is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise _Unfit(f"the line is not JSON: {error}.") from None
    if not isinstance(record, dict):
        raise _Unfit("the line is not a JSON object.")
    return record


def _fields(record: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted paths of a record's leaves."""
    fields: list[str] = []
    for key, value in record.items():
        fields += _fields(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return fields


def _pick(record: Any, keys: Keys) -> Any:
    for key in keys:
        if not isinstance(record, dict) or key not in record:
            return _ABSENT
        record = record[key]
    return record


def _pick_values(record: dict[str, Any], modality: _Modality) -> list[Any] | None:
    """The channels' fields; None when the record has none of them."""
    values = [_pick(record, keys) for keys in modality.values]
    present = [keys for keys, value in zip(modality.values, values, strict=True) if value is not _ABSENT]
    if not present:
        return None
    modality.seen.update(present)
    return values


def _take_reading(record: dict[str, Any], line: int, modality: _Modality, columns: _Columns) -> int:
    """Takes a line with one reading; returns how many readings of the modality it holds."""
    values = _pick_values(record, modality)
    if values is None:
        return 0
    values = [None if value is _ABSENT else value for value in values]
    for keys, value in zip(modality.values, values, strict=True):
        _check_numbers(keys, [value])
    time = _one_time(record, modality)
    label = _one_label(record, modality)
    columns.line.append(line)
    columns.row.append(modality.row)
    columns.time.append(time)
    columns.label.append(label)
    for column, value in zip(columns.values, values, strict=True):
        column.append(value)
    return 1


def _take_batch(record: dict[str, Any], line: int, modality: _Modality, columns: _Columns) -> int:
    """Takes a line with a batch; returns how many readings of the modality it holds."""
    values = _pick_values(record, modality)
    if values is None:
        return 0
    count = len(values[0]) if isinstance(values[0], list) else 0
    for keys, value in zip(modality.values, values, strict=True):
        if not isinstance(value, list):
            raise _Unfit(f"the field {'.'.join(keys)!r} is {'missing' if value is _ABSENT else 'no list'}.")
        if len(value) != count:
            raise _Unfit(f"the field {'.'.join(keys)!r} has {len(value)} readings, not {count}.")
        _check_numbers(keys, value)
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


def _check_numbers(keys: Keys, values: list[Any]) -> None:
    if set(map(type, values)) <= {float, int, type(None)}:
        return
    bad = next(value for value in values if type(value) not in (float, int, type(None)))
    raise _Unfit(f"the field {'.'.join(keys)!r}: {_short(bad)} is not a number.")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _time(value: Any, keys: Keys) -> str | None:
    if value is None or value is _ABSENT:
        return None
    if type(value) not in (int, float, str):
        raise _Unfit(f"the field {'.'.join(keys)!r}: {_short(value)} is no time.")
    return str(value)


def _one_time(record: dict[str, Any], modality: _Modality) -> str | None:
    if modality.time is None:
        return None
    value = _pick(record, modality.time)
    if value is not _ABSENT:
        modality.seen.add(modality.time)
    return _time(value, modality.time)


def _times(record: dict[str, Any], modality: _Modality, count: int) -> list[str | None]:
    """A time per reading of a batch."""
    if modality.time is None:
        return [None] * count
    values = _pick(record, modality.time)
    if values is not _ABSENT:
        modality.seen.add(modality.time)
    if not isinstance(values, list) or len(values) != count:
        raise _Unfit(f"the field {'.'.join(modality.time)!r} is no list of {count} times.")
    return [_time(value, modality.time) for value in values]


def _one_label(record: dict[str, Any], modality: _Modality) -> str | None:
    if modality.label is None:
        return None
    value = _pick(record, modality.label)
    if value is not _ABSENT:
        modality.seen.add(modality.label)
    return _label(value)


def _labels(record: dict[str, Any], modality: _Modality, count: int) -> list[str | None]:
    """A label per reading of a batch, from one label or a list of them."""
    if modality.label is None:
        return [None] * count
    value = _pick(record, modality.label)
    if not isinstance(value, list):
        return [_one_label(record, modality)] * count
    modality.seen.add(modality.label)
    if len(value) != count:
        raise _Unfit(f"the field {'.'.join(modality.label)!r} has {len(value)} labels, not {count}.")
    return [_label(label) for label in value]


def _label(value: Any) -> str | None:
    if value is None or value is _ABSENT:
        return None
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _frame(columns: _Columns, modality: _Modality, *, batches: bool) -> pl.DataFrame:
    series = [pl.Series("line", columns.line, dtype=pl.Int64), pl.Series("row", columns.row, dtype=pl.Int64)]
    if batches:
        series.append(pl.Series("place", columns.place, dtype=pl.Int64))
        series.append(pl.Series("size", columns.size, dtype=pl.Int64))
    if modality.time is not None:
        series.append(pl.Series("time", columns.time, dtype=pl.String))
    if modality.label is not None:
        series.append(pl.Series("label", columns.label, dtype=pl.String))
    series += [
        pl.Series(f"v{channel}", values, dtype=pl.Float64, strict=False)
        for channel, values in enumerate(columns.values)
    ]
    return pl.DataFrame(series)

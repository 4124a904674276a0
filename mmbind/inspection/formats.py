"""Formats by what files hold, not by their names, and the first rows of their tables."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl

from mmbind.errors import DataError
from mmbind.inspection.evidence import ROWS, Sample, Table
from mmbind.inspection.text import sample_text
from mmbind.sources.readers.mat5 import DamagedError, variables
from mmbind.sources.readers.streams import CutOffError, chunks
from mmbind.sources.table import FileProblem

#: Bytes of text that are looked at.
PEEK = 1 << 20
#: Lines of JSON that are looked at.
LINES = 4000
#: Variables and datasets with fewer readings are no logs.
FEWEST = 8


def sample_file(folder: Path, path: str) -> Sample:
    """Looks at a file.

    Args:
        folder: the folder that is inspected.
        path: the file, below it.

    Raises:
        DataError: when no reader of mmbind's would read it.
    """
    file = folder / path
    try:
        head, whole = _head(file)
        for magic, look in _BY_MAGIC.items():
            if head.startswith(magic):
                return look(file, path)
        found = _json_lines(path, head, whole=whole) if head.lstrip()[:1] == b"{" else None
        found = found or sample_text(path, head, whole=whole)
    except (FileProblem, DamagedError, pl.exceptions.PolarsError, sqlite3.Error, OSError) as error:
        raise DataError(f"cannot be looked into: {error}.", path=file) from None
    if found is None:
        known = "delimited text, JSON lines, Parquet, Arrow, SQLite, HDF5, MATLAB 5"
        raise DataError(f"holds no numbers in a format that is known ({known}).", path=file)
    return found


def _head(file: Path) -> tuple[bytes, bool]:
    """The first bytes, unpacked, and whether they are all."""
    pieces: list[bytes] = []
    with suppress(CutOffError):
        for piece in chunks(file, PEEK):
            pieces.append(piece)
            if sum(map(len, pieces)) > PEEK:
                break
    data = b"".join(pieces)
    return data[:PEEK], len(data) <= PEEK


def _parquet(file: Path, path: str) -> Sample:
    return _framed(path, "parquet", pl.scan_parquet(file, glob=False).head(ROWS).collect())


def _arrow(file: Path, path: str) -> Sample:
    import pyarrow as pa

    with pa.memory_map(str(file)) as mapped:
        batches = pa.ipc.open_file(mapped)
        rows = [pl.DataFrame(batches.get_batch(at)) for at in range(min(batches.num_record_batches, 64))]
    return _framed(path, "arrow", pl.concat(rows).head(ROWS))


def _framed(path: str, name: str, frame: pl.DataFrame) -> Sample:
    return Sample(path, {"format": name}, [Table({column: _typed(frame[column]) for column in frame.columns})])


def _typed(column: pl.Series) -> pl.Series:
    if column.dtype.is_numeric():
        return column if column.dtype.is_integer() else column.cast(pl.Float64)
    return column if column.dtype.is_temporal() else column.cast(pl.String, strict=False)


def _sqlite(file: Path, path: str) -> Sample:
    with closing(sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro&immutable=1", uri=True)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        frames = {}
        for name in sorted(name for name in names if not name.startswith("sqlite_")):
            doubled = name.replace('"', '""')
            cursor = database.execute(f'SELECT * FROM "{doubled}" LIMIT {ROWS}')  # noqa: S608  (a known table)
            columns = [each[0] for each in cursor.description]
            frames[name] = pl.DataFrame(cursor.fetchall(), schema=columns, orient="row", strict=False)
    if not frames:
        raise FileProblem("missing_table", "the database has no table")
    chosen = max(
        frames, key=lambda name: sum(dtype.is_numeric() for dtype in frames[name].dtypes) * frames[name].height
    )
    others = sorted(set(frames) - {chosen})
    doubts = [f"table: {chosen!r} has most numbers; others are {', '.join(others)}"] if others else []
    sample = _framed(path, "sqlite", frames[chosen])
    return Sample(path, {"format": "sqlite", "table": chosen}, sample.tables, doubts)


def _matlab(file: Path, path: str) -> Sample:
    tables = []
    for name, variable in variables(file.read_bytes()).items():
        if variable.numeric and max(variable.shape, default=0) >= FEWEST and len(variable.shape) >= 2:
            tables.append(_array(name, variable.numbers()))
    if not tables:
        raise FileProblem("no_table", "no variable holds a series of numbers")
    return Sample(path, {"format": "matlab"}, tables)


def _hdf5(file: Path, path: str) -> Sample:
    from mmbind.sources.readers.datasets import opened, paths

    tables: list[Table] = []
    lone: dict[str, pl.Series] = {}
    with opened(file) as held:
        for name in paths(held):
            found = held[name]
            if found.dtype.names:
                values = found[:ROWS]
                tables.append(
                    Table({each: pl.Series(each, values[each].tolist()) for each in values.dtype.names}, {}, name)
                )
            elif found.dtype.kind in "iuf" and len(found.shape) == 1:
                lone[name] = pl.Series(name, found[:ROWS].astype(np.float64))
            elif found.dtype.kind in "iuf" and found.shape and max(found.shape) >= FEWEST:
                tables.append(_array(name, found[()]))
            elif found.dtype.kind in "SO" and len(found.shape) == 1:
                lone[name] = pl.Series(name, [_text(cell) for cell in found[:ROWS].tolist()], dtype=pl.String)
    if lone and not tables:
        height = max(map(len, lone.values()))
        tables = [Table({name: column for name, column in lone.items() if len(column) == height})]
    if not tables:
        raise FileProblem("no_table", "no dataset holds a series of numbers")
    same = {name: column for name, column in lone.items() if len(column) == tables[0].height}
    tables = [Table({**table.columns, **same}, table.told, table.variable, table.time_axis) for table in tables]
    return Sample(path, {"format": "hdf5"}, tables)


def _text(cell: Any) -> str:
    return cell.decode("utf-8", "backslashreplace") if isinstance(cell, bytes) else str(cell)


def _array(name: str, values: Any) -> Table:
    """A variable as a table; its longest axis is taken for time, others become columns in C order."""
    axis = int(np.argmax(values.shape))
    rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], math.prod(values.shape) // values.shape[axis])
    columns = {str(at): pl.Series(str(at), rows[:ROWS, at].astype(np.float64)) for at in range(rows.shape[1])}
    return Table(columns, {}, name, axis)


def _json_lines(path: str, data: bytes, *, whole: bool) -> Sample | None:
    lines = data.split(b"\n")
    records = []
    for line in (lines if whole else lines[:-1])[:LINES]:
        with suppress(ValueError):
            record = json.loads(line) if line.strip() else None
            if isinstance(record, dict):
                records.append(_leaves(record))
    if not records:
        return None
    lists = {key for record in records for key, value in record.items() if isinstance(value, list)}
    reader: dict[str, object] = {"format": "jsonl"}
    if not lists:
        return Sample(path, reader, [Table(_columns(records))])
    sizes = [
        max((len(record[key]) for key in lists if isinstance(record.get(key), list)), default=0) for record in records
    ]
    flat = [
        {
            key: value[at] if isinstance(value, list) else value
            for key, value in record.items()
            if not isinstance(value, list) or at < len(value)
        }
        for record, size in zip(records, sizes, strict=True)
        for at in range(size)
    ]
    batch = pl.Series("batch", np.repeat(np.arange(len(sizes)), sizes))
    return Sample(path, {**reader, "layout": "batch"}, [Table(_columns(flat[:ROWS]), batch=batch.head(ROWS))])


def _leaves(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in record.items():
        found |= _leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def _columns(records: Iterable[Mapping[str, Any]]) -> dict[str, pl.Series]:
    rows = list(records)
    columns = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        cells = [row.get(key) for row in rows]
        kinds = {type(cell) for cell in cells} - {type(None)}
        if kinds == {int}:
            columns[key] = pl.Series(key, cells, dtype=pl.Int64, strict=False)
        elif kinds <= {int, float}:
            columns[key] = pl.Series(key, cells, dtype=pl.Float64, strict=False)
        else:
            columns[key] = pl.Series(key, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)
    return columns


_BY_MAGIC: dict[bytes, Callable[[Path, str], Sample]] = {
    b"PAR1": _parquet,
    b"ARROW1": _arrow,
    b"SQLite format 3\0": _sqlite,
    b"\x89HDF\r\n\x1a\n": _hdf5,
    b"MATLAB 5.0": _matlab,
}

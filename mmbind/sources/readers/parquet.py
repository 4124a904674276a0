"""Parquet files with a row per reading."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from mmbind.config import ModalitySource, Source
from mmbind.sources.table import (
    Block,
    FileProblem,
    RawFile,
    broken_frame,
    find_missing,
    lacking,
    needed_columns,
    position,
    time_column,
)

#: Rows of a block.
ROWS = 1 << 20


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a Parquet file; a reading's line is its 1-based row.

    Args:
        path: the file.
        source: its source; the label column.
        modalities: what to take from it.

    Raises:
        FileProblem: when it is no Parquet file, or damaged.
    """
    try:
        scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        schema = scan.collect_schema()
        height = int(scan.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _damaged(error) from None
    names = schema.names()
    missing = find_missing(modalities, names)
    for name, spec in modalities.items():
        for column in spec.columns if name not in missing else []:
            dtype = schema[_name(column, names)]
            if not (dtype.is_numeric() or dtype == pl.String or dtype == pl.Null):
                missing[name] = f"the column {column!r} holds {dtype}, not numbers."
    present = {name: spec for name, spec in modalities.items() if name not in missing}
    label = source.labels.column
    found = label if label in names else None
    unlabelled = [lacking(label, names)] if label is not None and found is None else []
    return RawFile(_blocks(scan, height, names, present, found), missing, unlabelled)


def _damaged(error: BaseException) -> FileProblem:
    reason = str(error).strip().splitlines()
    return FileProblem("unreadable", f"it is no Parquet file, or damaged: {reason[0] if reason else type(error)}")


def _name(column: str | int, names: list[str]) -> str:
    found = position(column, names)
    if found is None:
        raise KeyError(column)
    return names[found]


def _blocks(
    scan: pl.LazyFrame, height: int, names: list[str], present: Mapping[str, ModalitySource], label: str | None
) -> Iterator[Block]:
    columns = sorted({_name(column, names) for spec in present.values() for column in needed_columns(spec)})
    if label is not None:
        columns = sorted({*columns, label})
    for start in range(0, height if columns else 0, ROWS):
        try:
            frame = scan.select(columns).slice(start, ROWS).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise _damaged(error) from None
        yield _block(frame, start, names, present, label)


def _block(
    frame: pl.DataFrame, start: int, names: list[str], present: Mapping[str, ModalitySource], label: str | None
) -> Block:
    broken: list[tuple[str | None, int, str]] = []
    readings = {}
    rows = pl.Series("row", range(start, start + frame.height), dtype=pl.Int64)
    for name, spec in present.items():
        columns = [_name(column, names) for column in spec.columns]
        values = [frame[column].cast(pl.Float64, strict=False).alias(f"v{c}") for c, column in enumerate(columns)]
        table = [(rows + 1).alias("line"), rows]
        time = time_column(spec)
        if time is not None:
            table.append(frame[_name(time, names)].alias("time"))
        if label is not None:
            table.append(frame[label].cast(pl.String, strict=False).str.strip_chars().alias("label"))
        reasons: dict[int, str] = {}
        for column, value in zip(columns, values, strict=True):
            wordy = frame[column].is_not_null() & value.is_null()
            for row in wordy.arg_true():
                reasons.setdefault(start + row + 1, f"column {column!r}: {frame[column][row]!r} is not a number.")
        whole = pl.DataFrame([*table, *values])
        readings[name] = whole.filter(~pl.col("line").is_in(sorted(reasons))) if reasons else whole
        broken += [(name, line, reasons[line]) for line in sorted(reasons)]

    def raw(lines: pl.Series) -> pl.Series:
        wanted = lines.unique().sort()
        texts = [json.dumps(row, default=str) for row in frame[(wanted - start - 1).to_list()].iter_rows(named=True)]
        return pl.Series(texts, dtype=pl.String).gather(wanted.search_sorted(lines))

    return Block(readings, broken_frame(broken), dict.fromkeys(present, frame.height), raw)

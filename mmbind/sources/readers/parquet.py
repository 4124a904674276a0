"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from mmbind.config import ModalitySource, Source
from mmbind.sources.readers.rows import ROWS, RowTable
from mmbind.sources.table import FileProblem, RawFile

_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a Parquet file; a reading's line is its 1-based row.

    Args:
        path: the file.
        source: its source; the label column and the layout.
        modalities: what to take from it.

    Raises:
        FileProblem: when it is no Parquet file, or damaged.
    """
    try:
        scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        schema = scan.collect_schema()
        height = int(scan.select(pl.len()).collect().item())
    except _FAILURES as error:
        raise _damaged(error) from None
    table = RowTable.of(list(schema.items()), source, modalities)
    return table.raw_file(lambda columns: _frames(scan, height, columns))


def _frames(scan: pl.LazyFrame, height: int, columns: list[str]) -> Iterator[pl.DataFrame]:
    for start in range(0, height, ROWS):
        try:
            frame = scan.select(columns).slice(start, ROWS).collect()
        except _FAILURES as error:
            raise _damaged(error) from None
        if frame.height != min(ROWS, height - start):
            raise FileProblem("unreadable", f"it is damaged: it says {height} rows and has not as many.")
        yield frame


def _damaged(error: BaseException) -> FileProblem:
    reason = str(error).strip().splitlines()
    return FileProblem("unreadable", f"it is no Parquet file, or damaged: {reason[0] if reason else type(error)}")

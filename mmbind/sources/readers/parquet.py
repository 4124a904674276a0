"""Parquet files.

They are read by pyarrow, which ends with an error where a damaged page says that it holds a
negative or vast number of values; polars asks for the memory, and the process is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from mmbind.config import ModalitySource, Source
from mmbind.sources.readers.arrow import FAILURES, column_of, damaged, validated
from mmbind.sources.readers.rows import ROWS, RowTable
from mmbind.sources.rules import UNREADABLE
from mmbind.sources.table import FileProblem, RawFile

_FAILURES = (*FAILURES, MemoryError)


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
        with pq.ParquetFile(path) as file:
            columns = [column_of(field) for field in file.schema_arrow]
    except _FAILURES as error:
        raise damaged("Parquet file", error) from None
    return RowTable.of(columns, source, modalities).raw_file(lambda names: _frames(path, names))


def _frames(path: Path, names: list[str]) -> Iterator[pl.DataFrame]:
    """Frames of up to ``ROWS`` rows."""
    try:
        with pq.ParquetFile(path) as file:
            read, height = 0, file.metadata.num_rows
            for batch in file.iter_batches(ROWS, columns=names):
                frame = validated(batch.select(names))
                read += frame.height
                yield frame
    except _FAILURES as error:
        raise damaged("Parquet file", error) from None
    if read != height:
        raise FileProblem(UNREADABLE, f"it is damaged: it says {height} rows and has not as many.")

"""Arrow IPC: files (also called Feather, version 2) and streams.

A file or stream that ends early, as a logger without power leaves it, keeps its whole
batches. Every batch is validated before its values are believed.

Source: Apache Arrow, "Arrow Columnar Format", serialization and interprocess communication:
a file is the magic ``ARROW1``, padding, a stream, a footer and the magic again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from mmbind.config import ModalitySource, Source
from mmbind.sources.readers.rows import ROWS, Column, RowTable
from mmbind.sources.readers.streams import CutOffError
from mmbind.sources.rules import UNREADABLE
from mmbind.sources.table import FileProblem, RawFile

_MAGIC = b"ARROW1"
#: Where the stream starts in a file.
_STREAM = 8
#: Rows that small batches are put together to.
_TOGETHER = 1 << 16
#: pyarrow's words when bytes are missing at the end.
_CUT_OFF = re.compile(r"Expected to (be able to )?read|only \d+ bytes available")
#: What pyarrow and polars raise for bytes that do not hold what they say.
FAILURES = (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens an Arrow file or stream; a reading's line is its 1-based row.

    Args:
        path: the file.
        source: its source; the label column and the layout.
        modalities: what to take from it.

    Raises:
        FileProblem: when it is neither, or damaged.
    """
    try:
        mapped = pa.memory_map(str(path))
        head, tail = mapped.read(_STREAM), mapped.read_at(len(_MAGIC), max(mapped.size() - len(_MAGIC), 0))
        whole = head.startswith(_MAGIC) and tail == _MAGIC
        if whole:
            reader = pa.ipc.open_file(mapped)
        else:
            mapped.seek(_STREAM if head.startswith(_MAGIC) else 0)
            reader = pa.ipc.open_stream(mapped)
        columns = [column_of(field) for field in reader.schema]
    except FAILURES as error:
        raise damaged("Arrow file", error) from None
    table = RowTable.of(columns, source, modalities)
    no_footer = head.startswith(_MAGIC) and not whole
    return table.raw_file(lambda names: _frames(reader, names, no_footer=no_footer))


def column_of(field: Any) -> Column:
    """Name and type of a pyarrow field; a type that polars does not know is ``Unknown``."""
    try:
        return field.name, pl.Series(pa.nulls(0, field.type)).dtype
    except (*FAILURES, TypeError, NotImplementedError):
        return field.name, pl.Unknown()


def _frames(reader: Any, names: list[str], *, no_footer: bool) -> Iterator[pl.DataFrame]:
    """Frames of up to ``ROWS`` rows, from batches of any size."""
    held: list[pl.DataFrame] = []
    cut = "the file's end is missing: more rows may be." if no_footer else ""
    batches = _batches(reader)
    while True:
        try:
            batch = next(batches, None)
            frame = None if batch is None else validated(batch.select(names))
        except FAILURES as error:
            if not _CUT_OFF.search(str(error)):
                raise damaged("Arrow file", error) from None
            frame, cut = None, "the stream ends early here: more rows may be missing."
        if frame is not None:
            held.append(frame)
        if held and (frame is None or sum(part.height for part in held) >= _TOGETHER):
            yield from pl.concat(held).iter_slices(ROWS)
            held = []
        if frame is None:
            break
    if cut:
        raise CutOffError(cut)


def _batches(reader: Any) -> Iterator[Any]:
    if hasattr(reader, "num_record_batches"):
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        yield from reader


def validated(batch: Any) -> pl.DataFrame:
    """A record batch as a frame, texts for dictionaries.

    Raises:
        ArrowException: when its buffers do not hold what it says.
    """
    batch.validate(full=True)
    frame = pl.DataFrame(batch)
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def damaged(kind: str, error: BaseException) -> FileProblem:
    """The problem of a file whose reader failed: the first line of what it said."""
    reason = str(error).strip().splitlines()
    return FileProblem(UNREADABLE, f"it is no {kind}, or damaged: {reason[0] if reason else type(error)}")

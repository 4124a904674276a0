"""Shards: the Parquet files of a modality, each with the rows of some recordings.

Recordings lie in a shard in the order of their keys, parts in the order of time, and row
groups have the same number of rows whatever the file was written from: so a shard is written
row group by row group, and has the same bytes from raw files as from an earlier shard.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from types import TracebackType

#: Rows of a row group; the last one of a file has fewer.
GROUP = 1 << 18
#: Row groups that wait to be written.
_AHEAD = 2


def shard_path(records: Path, modality: str, shard: int) -> Path:
    """Where a shard of a modality lies."""
    return records / modality / f"{shard:05d}.parquet"


class ShardFile:
    """A shard of one modality that is being written; closed as a context.

    Row groups are compressed in another thread while the next one is gathered. A shard
    without rows leaves no file.
    """

    def __init__(
        self, path: Path, channels: Sequence[str], columns: Mapping[str, Mapping[str, str]], pool: ThreadPoolExecutor
    ) -> None:
        """Opens nothing yet.

        Args:
            path: the file.
            channels: names of the channels.
            columns: metadata by column, see :func:`mmbind.sources.stated.columns_of`.
            pool: one thread that writes.
        """
        self._path, self._channels, self._columns, self._pool = path, list(channels), columns, pool
        self._waiting: list[tuple[str, pl.DataFrame]] = []
        self._rows = 0
        self._writing: list[Future[None]] = []
        self._writer: Any = None

    def add(self, recording: str, rows: pl.DataFrame) -> None:
        """Adds rows of a recording (t_ns and channels) behind those before."""
        self._waiting.append((recording, rows))
        self._rows += rows.height
        while self._rows >= GROUP:
            self._write(GROUP)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._rows:
            self._write(self._rows)
        for writing in self._writing:
            writing.result() if kind is None else writing.exception()
        if self._writer is not None:
            self._writer.close()

    def _write(self, count: int) -> None:
        """Hands the first rows that wait to the writing thread."""
        group: list[tuple[str, pl.DataFrame]] = []
        taken = 0
        while taken < count:
            recording, rows = self._waiting.pop(0)
            if rows.height > count - taken:
                self._waiting.insert(0, (recording, rows.slice(count - taken)))
                rows = rows.head(count - taken)
            group.append((recording, rows))
            taken += rows.height
        self._rows -= count
        while len(self._writing) >= _AHEAD:
            self._writing.pop(0).result()
        self._writing.append(self._pool.submit(self._compress, group))

    def _compress(self, group: list[tuple[str, pl.DataFrame]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pl.concat(
            [pl.DataFrame([rows[name] for name in ("t_ns", *self._channels)]) for _, rows in group]
        ).rechunk()
        ids, numbers = np.unique([recording for recording, _ in group], return_inverse=True)
        codes = np.repeat(numbers.astype(np.int32), [rows.height for _, rows in group])
        recording = pa.DictionaryArray.from_arrays(_arrow(codes), _arrow(ids))
        arrays = [recording, *table.to_arrow().combine_chunks().itercolumns()]
        names = ["recording", *table.columns]
        schema = pa.schema([(name, array.type) for name, array in zip(names, arrays, strict=True)])
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(
                self._path,
                schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=["recording"],
                column_encoding={"t_ns": "DELTA_BINARY_PACKED"},
                store_schema=False,
            )
            self._writer.add_key_value_metadata({"ARROW:schema": self._told(schema)})
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=GROUP)

    def _told(self, schema: Any) -> str:
        """The schema as Arrow's readers shall see it: ids are plain strings, columns carry their metadata."""
        import pyarrow as pa

        plain = pa.schema(
            [
                field.with_type(pa.string() if field.name == "recording" else field.type).with_metadata(
                    dict(self._columns.get(field.name, {}))
                )
                for field in schema
            ]
        )
        return base64.b64encode(plain.serialize().to_pybytes()).decode()


class OldShard:
    """A shard that an earlier run left, read from its start to its end."""

    def __init__(self, path: Path, kept: Collection[str]) -> None:
        """Opens nothing yet.

        Args:
            path: the file; it may be missing.
            kept: ids of the recordings that will be asked for.
        """
        self._kept = frozenset(kept)
        self._pieces = self._read(path)
        self._next = next(self._pieces, None)

    def take(self, recordings: Collection[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        """Rows (t_ns and channels) of some recordings, which follow those asked for before."""
        while self._next is not None and self._next[0] in recordings:
            yield self._next
            self._next = next(self._pieces, None)

    def _read(self, path: Path) -> Iterator[tuple[str, pl.DataFrame]]:
        import pyarrow.parquet as pq

        if not self._kept or not path.is_file():
            return
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                group = pl.DataFrame(pl.from_arrow(file.read_row_group(number)))
                rows, begin = group.drop("recording"), 0
                for recording, length in group["recording"].rle().struct.unnest().select("value", "len").iter_rows():
                    if recording in self._kept:
                        yield recording, rows.slice(begin, length)
                    begin += length


def _arrow(values: npt.NDArray[np.int32 | np.str_]) -> Any:
    """An array for pyarrow, by way of polars: pyarrow's own way would load pandas."""
    return pl.Series(values).to_arrow(compat_level=pl.CompatLevel.oldest())


def carry_shard(records: Path, modality: str, shard: int, old: Path) -> None:
    """Takes a shard over as it is, without copying where the file system can."""
    before = shard_path(old, modality, shard).resolve()
    if before.is_file():
        link_or_copy(before, shard_path(records, modality, shard))


def link_or_copy(before: Path, after: Path) -> None:
    """Gives a file a second name, or copies it where the file system cannot."""
    after.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(before, after)
    except OSError:
        shutil.copyfile(before, after)

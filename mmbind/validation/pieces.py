"""Pieces: the readings of a shard as arrays, so many at a time that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq

from mmbind.config.sources import KEYS

#: Readings that are decoded at once.
BATCH = 1 << 18
#: A recording of more values than this is cut into several pieces.
LONGEST = 1 << 23


@dataclass(frozen=True)
class Piece:
    """Some recordings of a shard, whole unless a recording is very long.

    Attributes:
        recordings: their ids, in order.
        starts: the first reading of each, int64.
        times: when each reading was taken, int64 nanoseconds (n,).
        values: readings, float32 (n, channels).
        place: readings of the first recording that earlier pieces held.
    """

    recordings: list[str]
    starts: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    place: int

    @property
    def first(self) -> npt.NDArray[np.bool_]:
        """Whether a reading is the first of its recording in this piece (n,)."""
        first = np.zeros(len(self.times), dtype=np.bool_)
        first[self.starts] = True
        return first

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Readings of each recording in this piece."""
        return np.diff(np.append(self.starts, len(self.times)))


def channels_in(shard: Path) -> list[str]:
    """The channels of a shard's records, in order."""
    return [name for name in pq.ParquetFile(shard).schema_arrow.names if name not in KEYS]


def pieces(shard: Path, channels: Sequence[str]) -> Iterator[Piece]:
    """Reads a shard.

    Args:
        shard: a Parquet file of records, recordings one after the other and sorted by time.
        channels: the channels wanted.
    """
    waiting, place, longest = pl.DataFrame(), 0, LONGEST // max(len(channels), 1)
    for batch in pq.ParquetFile(shard).iter_batches(batch_size=BATCH, columns=[*KEYS, *channels]):
        fresh = pl.DataFrame(batch)
        rows = pl.concat([waiting, fresh]) if waiting.height else fresh
        last = int(rows["recording"].rle().struct.field("len")[-1])
        ready = rows.height - last if last < longest else rows.height
        if ready:
            yield _piece(rows.head(ready), channels, place)
        if ready == rows.height:
            place = last + (place if last == rows.height else 0)
        elif ready:
            place = 0
        waiting = rows.slice(ready)
    if waiting.height:
        yield _piece(waiting, channels, place)


def _piece(rows: pl.DataFrame, channels: Sequence[str], place: int) -> Piece:
    runs = rows["recording"].rle().struct.unnest()
    ends = runs["len"].cast(pl.Int64).cum_sum().to_numpy()
    return Piece(
        recordings=runs["value"].to_list(),
        starts=np.append(0, ends[:-1]),
        times=rows["t_ns"].to_numpy(),
        values=rows.select(channels).to_numpy().reshape(rows.height, len(channels)).astype(np.float32, copy=False),
        place=place,
    )

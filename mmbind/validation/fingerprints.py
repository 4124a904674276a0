"""Fingerprints of recordings by content: the same data under two names is still the same data.

A *mark* is a hash of which way each channel went over some consecutive readings. It does not
change with a positive factor (another unit), an offset, another name, another clock, or a cut
of the recording, and survives rounding where the rounding is finer than most steps. Of a long
recording every 8th, 64th, ... mark is kept, chosen by the mark itself, so that two copies keep
the same ones. Two recordings are copies when many marks agree at one and the same shift, the
idea of landmark hashing (Wang, "An industrial-strength audio search algorithm", ISMIR 2003).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.progress import progress
from mmbind.schema import Schema
from mmbind.validation.pieces import Piece, channels_in, pieces

#: Marks of a source's recordings. ``mark`` is the hash, ``place`` the reading's number inside
#: its recording, ``stride`` tells that one mark in so many was kept.
MARKS: Schema = {
    "recording": pl.String,
    "modality": pl.String,
    "mark": pl.UInt64,
    "place": pl.Int64,
    "stride": pl.Int64,
}
#: Bits of a mark: a channel's direction at a reading is one bit.
BITS = 63
#: Channels that take part; of more (a skeleton), so many are taken at even distances.
CHANNELS = 7
#: A recording keeps about so many marks at most.
KEPT = 512
#: Strides are powers of this.
FACTOR = 8
#: Changes of direction that a mark must have seen; a signal at rest or in one long slope tells nothing.
TURNS = 8
Words = npt.NDArray[np.uint64]


def fingerprint(records: Path, modality: str) -> pl.DataFrame:
    """The marks of all recordings of a modality.

    Args:
        records: folder of a source's records.
        modality: which one.

    Returns:
        A table of ``MARKS``, sorted by recording and place.
    """
    shards = sorted((records / modality).glob("*.parquet"))
    parts = [part for shard in progress(shards, f"fingerprint {modality}: shards") for part in _of_shard(shard)]
    named = [part.with_columns(modality=pl.lit(modality)).select(*MARKS) for part in parts]
    return pl.concat([pl.DataFrame(schema=MARKS), *named]).sort("recording", "place")


def _of_shard(shard: Path) -> Iterator[pl.DataFrame]:
    names = channels_in(shard)
    used = [names[i] for i in np.unique(np.linspace(0, len(names) - 1, min(CHANNELS, len(names))).astype(int))]
    counted = pl.scan_parquet(shard, glob=False).group_by("recording").len("readings").collect()
    strides = dict(zip(counted["recording"], _strides(counted["readings"].to_numpy()), strict=True))
    for piece in pieces(shard, used):
        stride = np.array([strides[recording] for recording in piece.recordings])
        ends, marks = _marks(piece, BITS // len(used))
        owner = np.searchsorted(piece.starts, ends, side="right") - 1
        kept = marks % stride[owner].astype(np.uint64) == 0
        place = ends[kept] - piece.starts[owner[kept]] + np.where(owner[kept] == 0, piece.place, 0)
        yield pl.DataFrame({"mark": marks[kept], "place": place, "stride": stride[owner[kept]]}).with_columns(
            recording=pl.Series(piece.recordings, dtype=pl.String).gather(owner[kept])
        )


def _strides(readings: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The least power of FACTOR at which at most KEPT marks of each recording are expected."""
    power = np.ceil(np.log(np.maximum(readings / KEPT, 1)) / np.log(FACTOR) - 1e-9)
    strides: npt.NDArray[np.int64] = np.power(FACTOR, power.astype(np.int64))
    return strides


def _marks(piece: Piece, steps: int) -> tuple[npt.NDArray[np.int64], Words]:
    """The readings at which marks end, and the marks; each looks back over ``steps`` steps of its recording."""
    values, channels = piece.values, np.uint64(piece.values.shape[1])
    if len(values) <= steps:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    word = np.zeros(len(values) - 1, np.uint64)
    for channel in range(values.shape[1]):
        word |= (values[1:, channel] > values[:-1, channel]).astype(np.uint64) << np.uint64(channel)
    code = np.zeros(len(word) - steps + 1, np.uint64)
    for step in range(steps):
        code |= word[step : step + len(code)] << (channels * np.uint64(step))
    within = np.uint64((1 << int(channels) * (steps - 1)) - 1)
    turns = np.bitwise_count((code ^ (code >> channels)) & within)
    ends = np.arange(steps, steps + len(code), dtype=np.int64)
    begun = np.repeat(piece.starts, piece.lengths)[steps:]
    kept = (turns >= TURNS) & (ends - begun >= steps)
    return ends[kept], _mixed(code[kept])


def _mixed(code: Words) -> Words:
    """Hashes of codes: the finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    code = (code ^ (code >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    code = (code ^ (code >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return code ^ (code >> np.uint64(31))

"""Faults that single readings show: channels that freeze, clip or leap, and time that is missing.

One pass per shard over arrays; only integers are added up, so the figures do not depend on
how a source is cut into shards.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.progress import progress
from mmbind.validation.pieces import Piece, channels_in, pieces

#: A channel whose readings repeat more often than this, its longest pause aside, is coarse: a pause tells nothing.
COARSE = 0.2
#: Readings in a row at a recording's extreme that count as clipped, and the share of the modality's
#: greatest value that the extreme must reach.
CLIPPED_RUN, CLIPPED_FROM = 3, 0.5
#: A spike stands out by so many times the range of the three readings before and after it, the
#: channel's mean step, and its finest step.
SPIKE_RANGE, SPIKE_STEP, SPIKE_RESOLUTION = 5, 20, 8
NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
#: A step longer than so many mean steps is a gap.
GAP_STEPS = 5
#: Figures by file.
FAULTS = (
    "mean_magnitude",
    "least_magnitude",
    "greatest_magnitude",
    "frozen_s",
    "clipped_share",
    "spikes",
    "spike_share",
    "gap_share",
    "extent",
)
#: Channels of a vector: three axes, or a quaternion. Figures of points need at least so many channels.
VECTORS, POINTS = (3, 4), 9
_MICRO = 1e6

Places = npt.NDArray[np.int64]


def find_faults(records: Path, modality: str, files: pl.DataFrame, greatest: float) -> pl.DataFrame:
    """Looks at every file's readings of a modality.

    Args:
        records: folder of a source's records.
        modality: which one.
        files: recording, file; the file that each recording's readings came from.
        greatest: the greatest absolute value of the modality, which tells where sensors end.

    Returns:
        One row per file: file and ``FAULTS``. ``mean_magnitude``, ``least_magnitude`` and
        ``greatest_magnitude`` (lengths of vectors of 3 or 4 channels); ``frozen_s`` (longest
        time that a channel stood still, of those that move and are not coarse);
        ``clipped_share`` (readings in rows at an extreme); ``spikes`` and ``spike_share``
        (readings that leap out and back); ``gap_share`` (time in steps that are much longer
        than the mean); ``extent`` (median size of a set of points x, y, z, such as joints).
    """
    shards = sorted((records / modality).glob("*.parquet"))
    parts = []
    for shard in progress(shards, f"validate {modality}: faults"):
        parts += [_of_piece(piece, greatest) for piece in pieces(shard, channels_in(shard))]
    if not parts:
        return pl.DataFrame(schema={"file": pl.String, **dict.fromkeys(FAULTS, pl.Float64)})
    count, length = pl.col("readings").sum(), pl.col("length").sum() / _MICRO
    duration = pl.col("duration").sum()
    return (
        pl.concat(parts)
        .join(files, on="recording", how="inner", maintain_order="left")
        .group_by("file")
        .agg(
            pl.when(pl.col("length").count() > 0).then(length / count).alias("mean_magnitude"),
            pl.col("least_magnitude").min(),
            pl.col("greatest_magnitude").max(),
            (pl.col("frozen").max() / 1e9).alias("frozen_s"),
            (pl.col("clipped").sum() / count).alias("clipped_share"),
            pl.col("spikes").sum(),
            (pl.col("spikes").sum() / count).alias("spike_share"),
            pl.when(duration > 0).then(pl.col("gaps").sum() / duration).alias("gap_share"),
            pl.col("extent").median(),
        )
        .sort("file")
    )


def _of_piece(piece: Piece, greatest: float) -> pl.DataFrame:
    """One row per recording of a piece."""
    columns, first = np.ascontiguousarray(piece.values.T), piece.first
    frozen = np.zeros(len(piece.starts), np.int64)
    clipped, leaping = np.zeros(len(first), np.bool_), np.zeros(len(first), np.bool_)
    with np.errstate(invalid="ignore"):
        for values in columns:
            step = np.abs(np.diff(values, prepend=values[:1]))
            step[first] = 0
            frozen = np.maximum(frozen, _frozen(piece, np.flatnonzero((step == 0) & ~first)))
            clipped[_clipped(piece, values, greatest)] = True
            leaping[_leaping(piece, values, step, greatest)] = True
        length = np.sqrt(sum(values.astype(np.float64) ** 2 for values in columns))
    steps = np.diff(piece.times, prepend=piece.times[:1])
    steps[first] = 0
    duration = np.add.reduceat(steps, piece.starts)
    mean = np.repeat(duration / np.maximum(piece.lengths - 1, 1), piece.lengths)
    table = {
        "recording": piece.recordings,
        "readings": piece.lengths,
        "frozen": frozen,
        "clipped": np.add.reduceat(clipped.astype(np.int64), piece.starts),
        "spikes": np.add.reduceat(leaping.astype(np.int64), piece.starts),
        "duration": duration,
        "gaps": np.add.reduceat(np.where(steps > GAP_STEPS * mean, steps, 0), piece.starts),
    }
    finite = np.isfinite(length)
    micro = np.where(finite, length, 0.0) * _MICRO
    lengths = {
        "length": np.add.reduceat(np.rint(micro).astype(np.int64), piece.starts),
        "least_magnitude": np.minimum.reduceat(np.where(finite, length, np.inf), piece.starts),
        "greatest_magnitude": np.maximum.reduceat(np.where(finite, length, -np.inf), piece.starts),
    }
    frame = pl.DataFrame(table | lengths).with_columns(extent=pl.Series(_extent(piece), dtype=pl.Float64))
    if len(columns) in VECTORS:
        return frame
    return frame.with_columns(pl.lit(None).cast(frame.schema[name]).alias(name) for name in lengths)


def _owners(piece: Piece, places: Places) -> Places:
    """The recordings that some readings belong to."""
    owners: Places = np.searchsorted(piece.starts, places, side="right") - 1
    return owners


def _frozen(piece: Piece, still: Places) -> Places:
    """The longest time in ns that each recording's channel does not change; 0 if it never does, or is coarse.

    Args:
        piece: the readings.
        still: those that are the same as the one before.
    """
    longest, pause = np.zeros(len(piece.starts), np.int64), np.zeros(len(piece.starts), np.int64)
    if not len(still):
        return longest
    begin = np.flatnonzero(np.diff(still, prepend=-2) != 1)
    end = np.append(begin[1:], len(still)) - 1
    owners = _owners(piece, still[begin])
    np.maximum.at(longest, owners, piece.times[still[end]] - piece.times[still[begin] - 1])
    np.maximum.at(pause, owners, end - begin + 1)
    repeats = np.bincount(_owners(piece, still), minlength=len(piece.starts))
    fine = (repeats - pause <= COARSE * piece.lengths) & (pause < piece.lengths - 1)
    return np.where(fine, longest, 0)


def _clipped(piece: Piece, values: npt.NDArray[np.float32], greatest: float) -> Places:
    """The readings that stand in a row of equal ones at the recording's extreme, far out."""
    found = [np.empty(0, np.int64)]
    for extreme in (np.maximum.reduceat(values, piece.starts), np.minimum.reduceat(values, piece.starts)):
        sought = np.where(np.abs(extreme) >= CLIPPED_FROM * greatest, extreme, np.nan)
        if np.isnan(sought).all():
            continue
        at = np.flatnonzero(values == np.repeat(sought, piece.lengths))
        owners = _owners(piece, at)
        begin = np.flatnonzero((np.diff(at, prepend=-2) != 1) | (np.diff(owners, prepend=-1) != 0))
        counts = np.diff(np.append(begin, len(at)))
        found.append(at[np.repeat(counts >= CLIPPED_RUN, counts)])
    return np.concatenate(found)


def _leaping(piece: Piece, values: npt.NDArray[np.float32], step: npt.NDArray[np.float32], greatest: float) -> Places:
    """The readings that leap out and back while those around them lie close together."""
    reach = max(NEIGHBOURS)
    if len(values) <= 2 * reach:
        return np.empty(0, np.int64)
    mean = np.add.reduceat(step.astype(np.float64), piece.starts) / piece.lengths
    least = np.repeat((SPIKE_STEP * mean).astype(np.float32), piece.lengths)[reach:-reach]
    high = (step[reach:-reach] > least) & (step[reach + 1 : len(step) - reach + 1] > least)
    at = np.flatnonzero(high) + reach
    owners = _owners(piece, at)
    inside = (_owners(piece, at - reach) == owners) & (_owners(piece, at + reach) == owners)
    at, owners = at[inside], owners[inside]
    if not len(at):
        return np.empty(0, np.int64)
    around = values[at[:, None] + np.array(NEIGHBOURS)]
    before, after = values[at] - around[:, 2], values[at] - around[:, 3]
    height = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0)
    seen = np.where(step > 1e-5 * greatest, step, np.inf)
    finest = np.minimum.reduceat(seen, piece.starts)
    alone = height > SPIKE_RANGE * (around.max(axis=1) - around.min(axis=1))
    spikes: Places = at[alone & (height > SPIKE_STEP * mean[owners]) & (height > SPIKE_RESOLUTION * finest[owners])]
    return spikes


def _extent(piece: Piece) -> list[float | None]:
    """The median size of each recording's points: the longest side of the box around them."""
    count = piece.values.shape[1]
    if count < POINTS or count % 3:
        return [None] * len(piece.starts)
    points = piece.values.reshape(len(piece.values), count // 3, 3)
    sides = (points.max(axis=1) - points.min(axis=1)).max(axis=1)
    return [float(np.median(part)) for part in np.split(sides, piece.starts[1:])]

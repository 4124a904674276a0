"""Measuring records: what the readings of each file look like, by polars, shard by shard.

Only counts, extremes and medians are taken, never sums of floats, so the figures do not
depend on the order in which threads finish.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from mmbind.progress import progress

#: Length of the windows among which the quietest are sought, in nanoseconds.
REST_WINDOW_NS = 500_000_000
#: Share of a file's windows that counts as its quietest.
QUIETEST = 0.1
#: Channels of a vector whose magnitude means something: one triaxial sensor.
AXES = 3
#: Columns of a modality's records that are no channels.
KEYS = ("recording", "t_ns")


def measure(records: Path, modality: str, files: pl.DataFrame) -> pl.DataFrame:
    """Measures every file's readings of a modality.

    Args:
        records: folder of a source's records.
        modality: which one.
        files: recording, file; the file that each recording's readings came from.

    Returns:
        One row per file (null for recordings that ``files`` lacks): file; kept (rows); nulls
        (missing or non-finite values); unordered (readings not later than the one before);
        steps, duration_ns, largest_step_ns (between neighbours inside recordings);
        typical_magnitude (median of the vector's length); rest_magnitude and rest_spread
        (median length, and greatest range of the length, over the quietest windows of 0.5 s);
        ``min:<channel>`` and ``max:<channel>`` of the finite values. Magnitudes are null for
        modalities that are no triaxial vector. Empty when there are no readings.
    """
    shards = sorted((records / modality).glob("*.parquet"))
    parts = [_measure_shard(shard, files) for shard in progress(shards, f"validate {modality}: shards")]
    return pl.concat(parts).sort("file") if parts else pl.DataFrame(schema={"file": pl.String, "kept": pl.Int64})


def channels_of(measured: pl.DataFrame) -> list[str]:
    """The channels that a table of :func:`measure` tells of."""
    return [name.removeprefix("min:") for name in measured.columns if name.startswith("min:")]


def _measure_shard(shard: Path, files: pl.DataFrame) -> pl.DataFrame:
    scan = pl.scan_parquet(shard)
    channels = [name for name in scan.collect_schema().names() if name not in KEYS]
    finite = {name: pl.col(name).filter(pl.col(name).is_finite()) for name in channels}
    squares = [pl.col(name).cast(pl.Float64).pow(2) for name in channels]
    length = pl.sum_horizontal(squares, ignore_nulls=False).sqrt() if len(channels) == AXES else pl.lit(None)
    neighbour = pl.col("recording") == pl.col("recording").shift()
    rows = scan.join(files.lazy(), on="recording", how="left", maintain_order="left").with_columns(
        pl.when(neighbour).then(pl.col("t_ns").diff()).alias("step"),
        pl.when(length.is_finite()).then(length).cast(pl.Float64).alias("length"),
    )
    figures = rows.group_by("file").agg(
        pl.len().cast(pl.Int64).alias("kept"),
        pl.sum_horizontal((~pl.col(name).is_finite().fill_null(False)).sum() for name in channels)
        .cast(pl.Int64)
        .alias("nulls"),
        (pl.col("step") <= 0).sum().cast(pl.Int64).alias("unordered"),
        pl.col("step").count().cast(pl.Int64).alias("steps"),
        pl.col("step").sum().alias("duration_ns"),
        pl.col("step").max().alias("largest_step_ns"),
        pl.col("length").median().alias("typical_magnitude"),
        *(values.min().alias(f"min:{name}") for name, values in finite.items()),
        *(values.max().alias(f"max:{name}") for name, values in finite.items()),
    )
    rest = _at_rest(rows)
    measured, quiet = pl.collect_all([figures, rest], engine="streaming")
    return measured.join(quiet, on="file", how="left", nulls_equal=True)


def _at_rest(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Per file, the vector's length where it changes least: rest_magnitude, rest_spread."""
    windows = rows.group_by("file", "recording", pl.col("t_ns") // REST_WINDOW_NS).agg(
        pl.col("length").count().alias("readings"),
        pl.col("length").median().alias("level"),
        (pl.col("length").max() - pl.col("length").min()).alias("spread"),
    )
    full = pl.col("readings") * 2 >= pl.col("readings").max().over("file")
    quietest = pl.col("spread").rank("min").over("file") <= (pl.len().over("file") * QUIETEST).ceil()
    return (
        windows.filter(pl.col("readings") > 1)
        .filter(full)
        .filter(quietest)
        .group_by("file")
        .agg(pl.col("level").median().alias("rest_magnitude"), pl.col("spread").max().alias("rest_spread"))
    )

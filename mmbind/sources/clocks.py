"""Clocks: when each reading was taken, in int64 nanoseconds."""

from __future__ import annotations

import numpy as np
import polars as pl

from mmbind.config import BatchClock, Clock, SampleClock
from mmbind.units import NANOSECONDS

#: Times beyond this (146 years either way) are taken for garbage, and leave room to add.
FURTHEST_NS = 1 << 62
_SECOND = 1_000_000_000


def reading_times(readings: pl.DataFrame, clock: Clock) -> pl.Series:
    """When the readings were taken.

    Args:
        readings: a frame of :mod:`mmbind.sources.table`.
        clock: how its modality tells time.

    Returns:
        int64 nanoseconds, null where the logged time is none. ``sample_index`` counts from
        0 at the file's first reading; in a batch, readings lie 1 / rate apart.
    """
    if isinstance(clock, SampleClock):
        stamps = np.rint(readings["row"].to_numpy() * (_SECOND / clock.rate_hz)).astype(np.int64)
        return pl.Series("t_ns", stamps)
    times = to_ns(readings["time"], clock.unit)
    if isinstance(clock, BatchClock):
        steps = readings["place"] if clock.stamps == "first" else readings["place"] - readings["size"] + 1
        times = times + (steps * (_SECOND / clock.rate_hz)).round().cast(pl.Int64)
    return times.alias("t_ns")


def to_ns(times: pl.Series, unit: str) -> pl.Series:
    """Turns logged times into int64 nanoseconds.

    Whole numbers stay exact; fractions go through float64, exact to a quarter of a
    microsecond for seconds since 1970. Columns typed as moments or durations carry their own unit.

    Args:
        times: texts, numbers, moments or durations.
        unit: unit of texts and numbers: s, ms, us or ns.

    Returns:
        int64, null where there is no time, or none within ``FURTHEST_NS``.
    """
    factor = NANOSECONDS[unit]
    if times.dtype == pl.String:
        trimmed = times.str.strip_chars()
        return _whole(trimmed.cast(pl.Int64, strict=False), factor).fill_null(
            _fraction(trimmed.cast(pl.Float64, strict=False), factor)
        )
    if times.dtype.is_integer():
        return _whole(times.cast(pl.Int64, strict=False), factor)
    if times.dtype.is_numeric():
        return _fraction(times.cast(pl.Float64, strict=False), factor)
    if isinstance(times.dtype, pl.Datetime):
        return _whole(times.dt.timestamp("us"), 1000) if times.dtype.time_unit != "ns" else times.dt.timestamp("ns")
    if isinstance(times.dtype, pl.Duration):
        return times.dt.total_nanoseconds()
    return pl.Series(times.name, [None] * len(times), dtype=pl.Int64)


def _whole(times: pl.Series, factor: int) -> pl.Series:
    within = times.is_between(-(FURTHEST_NS // factor), FURTHEST_NS // factor)
    return times.set(~within, None) * factor


def _fraction(times: pl.Series, factor: int) -> pl.Series:
    scaled = times * factor
    within = scaled.is_finite() & scaled.is_between(-float(FURTHEST_NS), float(FURTHEST_NS))
    return scaled.set(~within, None).round().cast(pl.Int64)

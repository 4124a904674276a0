"""Clocks: when each reading was taken, in int64 nanoseconds, as its log tells it."""

from __future__ import annotations

import numpy as np
import polars as pl

from mmbind.config import BatchClock, Clock, SampleClock
from mmbind.units import NANOSECONDS

#: Times beyond this (146 years either way) are taken for garbage, and leave room to add.
FURTHEST_NS = 1 << 62
_SECOND = 1_000_000_000
#: ISO 8601, basic or extended: date, time, fraction, zone. A date alone is its first moment.
_ISO = (
    r"^(\d{4})-?(\d\d)-?(\d\d)"
    r"(?:[Tt ]+(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*(?:[Zz]|([+-]\d\d):?(\d\d)?)?$"
)
_ISO_PARTS = ("year", "month", "day", "hour", "minute", "second", "fraction", "zone_hour", "zone_minute")


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
    microsecond for seconds since 1970. Columns typed as moments, times of day or durations
    carry their own unit.

    Args:
        times: texts, numbers, moments, times of day or durations.
        unit: unit of texts and numbers, a :data:`~mmbind.config.clocks.TimeUnit`.

    Returns:
        int64, null where there is no time, or none within ``FURTHEST_NS``.
    """
    if isinstance(times.dtype, pl.Date):
        times = times.cast(pl.Datetime("us"))
    if isinstance(times.dtype, pl.Datetime):
        return _whole(times.dt.timestamp("us"), 1000) if times.dtype.time_unit != "ns" else times.dt.timestamp("ns")
    if isinstance(times.dtype, pl.Duration):
        return times.dt.total_nanoseconds()
    if times.dtype == pl.Time:
        return times.cast(pl.Int64)
    if unit == "iso8601":
        return _moments(times)
    factor = NANOSECONDS[unit]
    if times.dtype == pl.String:
        found = _number(times, factor)
        return found if not found.has_nulls() else found.fill_null(_number(times.str.strip_chars(), factor))
    if times.dtype.is_integer():
        return _whole(times.cast(pl.Int64, strict=False), factor)
    if times.dtype.is_numeric():
        return _fraction(times.cast(pl.Float64, strict=False), factor)
    return _none(times)


def _number(times: pl.Series, factor: int) -> pl.Series:
    whole = _whole(times.cast(pl.Int64, strict=False), factor)
    return whole if not whole.has_nulls() else whole.fill_null(_fraction(times.cast(pl.Float64, strict=False), factor))


def _none(times: pl.Series) -> pl.Series:
    return pl.Series(times.name, [None] * len(times), dtype=pl.Int64)


def _whole(times: pl.Series, factor: int) -> pl.Series:
    furthest = FURTHEST_NS // factor
    if len(times) > times.null_count() and -furthest <= times.min() and times.max() <= furthest:  # type: ignore[operator]
        return times * factor
    return times.set(~times.is_between(-furthest, furthest), None) * factor


def _fraction(times: pl.Series, factor: int) -> pl.Series:
    scaled = times * factor
    within = scaled.is_finite() & scaled.is_between(-float(FURTHEST_NS), float(FURTHEST_NS))
    return scaled.set(~within, None).round().cast(pl.Int64)


def _moments(times: pl.Series) -> pl.Series:
    """Texts of ISO 8601 as nanoseconds since 1970; without a zone they are UTC."""
    if times.dtype != pl.String:
        return _none(times)
    parts = times.str.strip_chars().str.extract_groups(_ISO).struct.unnest()
    parts.columns = list(_ISO_PARTS)
    clock = pl.concat_str("year", "month", "day", *(pl.col(p).fill_null("00") for p in ("hour", "minute", "second")))
    sign = pl.when(pl.col("zone_hour").str.starts_with("-")).then(-60).otherwise(60)
    minutes = 60 * pl.col("zone_hour").str.slice(1).cast(pl.Int64) + pl.col("zone_minute").fill_null("0").cast(pl.Int64)
    zone = sign * minutes
    seconds = clock.str.to_datetime("%Y%m%d%H%M%S", time_unit="us", strict=False).dt.epoch("s") - zone.fill_null(0)
    fraction = pl.col("fraction").fill_null("0").str.slice(0, 9).str.pad_end(9, "0").cast(pl.Int64)
    told = parts.select(seconds=seconds, fraction=fraction)
    return (_whole(told["seconds"], _SECOND) + told["fraction"]).alias(times.name)

"""Soundness: a reading has a time, and all its values are finite numbers that fit float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from mmbind.config import BatchClock, ModalitySource
from mmbind.sources.clocks import reading_times
from mmbind.sources.conversion import channels_of
from mmbind.sources.without import without

#: Rules by which an unsound reading is set aside.
BAD_TIME = "bad_time"
NOT_FINITE = "not_finite"
OUT_OF_RANGE = "out_of_range"
#: What is set aside, before its text is added.
WRONG: dict[str, type[pl.DataType]] = {"line": pl.Int64, "rule": pl.String, "reason": pl.String}


def split_sound(
    readings: pl.DataFrame, spec: ModalitySource, channels: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parts sound readings from the others.

    Args:
        readings: a frame of :mod:`mmbind.sources.table`.
        spec: the modality; clock and unit.
        channels: names of its channels.

    Returns:
        Of the sound ones line, t_ns, v0, v1, ... (float32, in SI units), label where there
        are labels, and batch (int64, one number per batch) where there are batches; of the
        others the columns of ``WRONG``.
    """
    meanings = channels_of(spec, channels)
    names = [f"v{number}" for number in range(len(channels))]
    scaled = [channel.converted.alias(name) for channel, name in zip(meanings, names, strict=True)]
    batch = [(pl.col("row") - pl.col("place")).alias("batch")] if isinstance(spec.clock, BatchClock) else []
    label = ["label"] if "label" in readings.columns else []
    times = reading_times(readings, spec.clock)
    rows = readings.select("line", times, *scaled, *label, *batch)
    finite = {name: np.isfinite(rows[name].fill_null(np.nan).to_numpy()) for name in names}
    sound = np.logical_and.reduce(list(finite.values()))
    if times.has_nulls():
        sound &= times.is_not_null().to_numpy()
    if sound.all():
        return rows, pl.DataFrame(schema=WRONG)
    unsound = np.flatnonzero(~sound)
    flags = [
        pl.Series(f"finite_{channel.logged}", finite[name][unsound])
        for channel, name in zip(meanings, names, strict=True)
    ]
    bad = readings.with_columns(times)[unsound].with_columns(flags)
    logged = [channel.logged for channel in meanings]
    return without(rows, unsound), _reasons(bad, logged, channels, spec)


def _reasons(bad: pl.DataFrame, logged: Sequence[str], channels: Sequence[str], spec: ModalitySource) -> pl.DataFrame:
    """Rule and reason of readings without a time, or with a value that is no finite float32."""
    first = pl.coalesce(pl.when(pl.col(f"finite_{v}")).then(None).otherwise(pl.lit(v)) for v in logged)
    value = pl.coalesce(pl.when(first == v).then(pl.col(v)) for v in logged)
    name = first.replace_strict(dict(zip(logged, channels, strict=True)), return_dtype=pl.String)
    cases = [
        (pl.col("t_ns").is_null(), BAD_TIME, _without_time(bad, spec)),
        (value.is_null(), NOT_FINITE, pl.format("channel {} has no value.", name)),
        (~value.is_finite(), NOT_FINITE, pl.format("channel {} is {}.", name, value)),
    ]
    rule, reason = pl.lit(OUT_OF_RANGE), pl.format(f"channel {{}} is {{}} {spec.unit}, beyond 32 bits.", name, value)
    for condition, its_rule, its_reason in reversed(cases):
        rule = pl.when(condition).then(pl.lit(its_rule)).otherwise(rule)
        reason = pl.when(condition).then(its_reason).otherwise(reason)
    return bad.select("line", rule.alias("rule"), reason.alias("reason"))


def _without_time(bad: pl.DataFrame, spec: ModalitySource) -> pl.Expr:
    if "time" not in bad.columns:
        return pl.lit("it has no time.")
    logged = pl.col("time").cast(pl.String, strict=False).fill_null("")
    stated = getattr(spec.clock, "unit", "ns")
    told = pl.format(f"its time {{}} is no time in {'ISO 8601' if stated == 'iso8601' else stated}.", logged)
    return pl.when(logged.str.strip_chars() == "").then(pl.lit("it has no time.")).otherwise(told)

"""Sifting: readings that can be trusted, and why the others are set aside.

A reading is kept when it has a time, all its values are finite numbers that fit float32,
and its time is later than that of the last kept reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from mmbind.config import ModalitySource
from mmbind.sources.clocks import reading_times
from mmbind.units import unit

#: Rules by which a reading is set aside.
BAD_TIME = "bad_time"
NOT_FINITE = "not_finite"
OUT_OF_RANGE = "out_of_range"
DUPLICATE_TIME = "duplicate_time"
BACKWARD_TIME = "backward_time"
#: Columns of readings set aside.
ASIDE: dict[str, type[pl.DataType]] = {"line": pl.Int64, "rule": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class Sifted:
    """The outcome.

    Attributes:
        kept: t_ns (int64, increasing) and one float32 column per channel, in SI units.
        labels: label of each kept reading (string, null for none); None without labels.
        aside: columns of ``ASIDE``.
    """

    kept: pl.DataFrame
    labels: pl.Series | None
    aside: pl.DataFrame


def sift(readings: pl.DataFrame, spec: ModalitySource, channels: Sequence[str], last_ns: int | None) -> Sifted:
    """Sifts the readings of one modality in one block.

    Args:
        readings: a frame of :mod:`mmbind.sources.table`.
        spec: the modality; clock and unit.
        channels: names of its channels.
        last_ns: time of the last reading kept from the blocks before, None for the first.
    """
    factor = unit(spec.unit).factor
    logged = [f"v{number}" for number in range(len(channels))]
    scaled = [(pl.col(v) * factor).cast(pl.Float32).alias(f"si_{v}") for v in logged]
    timed = readings.with_columns(reading_times(readings, spec.clock), *scaled)
    finite = pl.all_horizontal(pl.col(f"si_{v}").is_finite().fill_null(False) for v in logged)
    sound = timed.select(finite & pl.col("t_ns").is_not_null()).to_series()
    aside = pl.DataFrame(schema=ASIDE)
    if not sound.all():
        aside = _unsound(timed.filter(~sound), logged, channels, spec)
        timed = timed.filter(sound)
    latest = timed["t_ns"].cum_max().shift(1)
    if last_ns is not None:
        latest = latest.fill_null(last_ns).clip(lower_bound=last_ns)
    later = (timed["t_ns"] > latest).fill_null(True)
    if not later.all():
        aside = pl.concat([aside, _stale(timed.with_columns(latest.alias("latest")).filter(~later))])
        timed = timed.filter(later)
    kept = timed.select("t_ns", *(pl.col(f"si_{v}").alias(name) for v, name in zip(logged, channels, strict=True)))
    return Sifted(kept, timed["label"] if "label" in timed.columns else None, aside)


def _unsound(bad: pl.DataFrame, logged: Sequence[str], channels: Sequence[str], spec: ModalitySource) -> pl.DataFrame:
    """Rule and reason of readings without a time, or with a value that is no finite float32."""
    first = pl.coalesce(
        pl.when(pl.col(f"si_{v}").is_finite().fill_null(False)).then(None).otherwise(pl.lit(v)) for v in logged
    )
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
    told = pl.format(f"its time {{}} is no time in {getattr(spec.clock, 'unit', 'ns')}.", logged)
    return pl.when(logged.str.strip_chars() == "").then(pl.lit("it has no time.")).otherwise(told)


def _stale(late: pl.DataFrame) -> pl.DataFrame:
    """Rule and reason of readings that are not later than the last kept one (``latest``)."""
    same = pl.col("t_ns") == pl.col("latest")
    return late.select(
        "line",
        pl.when(same).then(pl.lit(DUPLICATE_TIME)).otherwise(pl.lit(BACKWARD_TIME)).alias("rule"),
        pl.when(same)
        .then(pl.format("its time {} ns is that of the last kept reading.", "t_ns"))
        .otherwise(pl.format("its time {} ns is before {} ns, that of the last kept reading.", "t_ns", "latest"))
        .alias("reason"),
    )

"""Sifting: readings that can be trusted, and why the others are set aside.

A reading is kept when it has a time, all its values are finite numbers that fit float32,
and its time is later than that of the last kept reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import ModalitySource
from mmbind.sources.clocks import reading_times
from mmbind.sources.conversion import channels_of

#: Rules by which a reading is set aside.
BAD_TIME = "bad_time"
NOT_FINITE = "not_finite"
OUT_OF_RANGE = "out_of_range"
DUPLICATE_TIME = "duplicate_time"
BACKWARD_TIME = "backward_time"
#: Columns of readings set aside.
ASIDE: dict[str, type[pl.DataType]] = {"line": pl.Int64, "rule": pl.String, "reason": pl.String}

Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


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
    meanings = channels_of(spec, channels)
    logged = [channel.logged for channel in meanings]
    scaled = [channel.convert(readings) for channel in meanings]
    times = reading_times(readings, spec.clock)
    sound = times.is_not_null().to_numpy()
    for values in scaled:
        sound = sound & np.isfinite(values)
    stamps = times.fill_null(0).to_numpy()
    later = _later(stamps, sound, last_ns)
    columns = {name: values[later] for name, values in zip(channels, scaled, strict=True)}
    kept = pl.DataFrame({"t_ns": stamps[later], **columns})
    labels = readings["label"].filter(pl.Series(later)) if "label" in readings.columns else None
    if later.all():
        return Sifted(kept, labels, pl.DataFrame(schema=ASIDE))
    bad = pl.DataFrame([readings[v] for v in readings.columns] + [times])
    finite = [pl.Series(f"finite_{v}", np.isfinite(values)) for v, values in zip(logged, scaled, strict=True)]
    unsound = _unsound(bad.with_columns(finite).filter(pl.Series(~sound)), logged, channels, spec)
    stale = _stale(readings["line"].to_numpy(), stamps, sound, later, last_ns)
    return Sifted(kept, labels, pl.concat([unsound, stale]))


def _latest(stamps: Times, sound: Flags, last_ns: int | None) -> Times:
    """Of sound readings: time of the last kept reading before each (the least int64 for none)."""
    least = np.iinfo(np.int64).min if last_ns is None else last_ns
    return np.maximum.accumulate(np.concatenate([[least], stamps[sound]]))[:-1]


def _later(stamps: Times, sound: Flags, last_ns: int | None) -> Flags:
    """Which readings are sound and later than the last kept one."""
    later = sound.copy()
    later[sound] = stamps[sound] > _latest(stamps, sound, last_ns)
    return later


def _unsound(bad: pl.DataFrame, logged: Sequence[str], channels: Sequence[str], spec: ModalitySource) -> pl.DataFrame:
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
    told = pl.format(f"its time {{}} is no time in {getattr(spec.clock, 'unit', 'ns')}.", logged)
    return pl.when(logged.str.strip_chars() == "").then(pl.lit("it has no time.")).otherwise(told)


def _stale(
    lines: npt.NDArray[np.int64], stamps: Times, sound: Flags, later: Flags, last_ns: int | None
) -> pl.DataFrame:
    """Rule and reason of sound readings that are not later than the last kept one."""
    late = ~later[sound]
    table = pl.DataFrame(
        {
            "line": lines[sound][late],
            "t_ns": stamps[sound][late],
            "latest": _latest(stamps, sound, last_ns)[late],
        }
    )
    same = pl.col("t_ns") == pl.col("latest")
    return table.select(
        "line",
        pl.when(same).then(pl.lit(DUPLICATE_TIME)).otherwise(pl.lit(BACKWARD_TIME)).alias("rule"),
        pl.when(same)
        .then(pl.format("its time {} ns is that of the last kept reading.", "t_ns"))
        .otherwise(pl.format("its time {} ns is before {} ns, that of the last kept reading.", "t_ns", "latest"))
        .alias("reason"),
    )

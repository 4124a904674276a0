"""Soundness: a reading has a time, and all its values are finite numbers that fit float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import BatchClock, ModalitySource
from mmbind.sources.clocks import reading_times
from mmbind.sources.conversion import Channel, channels_of
from mmbind.sources.rules import BAD_TIME, NOT_FINITE, OUT_OF_RANGE
from mmbind.sources.without import without

#: What is set aside, before its text is added.
WRONG: dict[str, type[pl.DataType]] = {"line": pl.Int64, "rule": pl.String, "reason": pl.String}
NONE_WRONG = pl.DataFrame(schema=WRONG)

Values = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


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
    times = reading_times(readings, spec.clock)
    values = [channel.converted(readings[channel.logged]) for channel in meanings]
    rows = pl.DataFrame(
        [
            readings["line"],
            times,
            *(pl.Series(f"v{number}", each) for number, each in enumerate(values)),
            *([readings["label"]] if "label" in readings.columns else []),
            *([(readings["row"] - readings["place"]).alias("batch")] if isinstance(spec.clock, BatchClock) else []),
        ]
    )
    if not times.has_nulls() and all(map(_finite, values)):
        return rows, NONE_WRONG
    sound = times.is_not_null().to_numpy() & np.logical_and.reduce([np.isfinite(each) for each in values])
    unsound = np.flatnonzero(~sound)
    wrong = [(channel, ~np.isfinite(each[unsound])) for channel, each in zip(meanings, values, strict=True)]
    return without(rows, unsound), _reasons(readings[unsound], times.gather(unsound).is_null(), wrong, spec)


def _finite(values: Values) -> bool:
    """Whether all of some values are finite: their least and their greatest are."""
    with np.errstate(invalid="ignore"):
        return not len(values) or bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def _reasons(
    bad: pl.DataFrame, timeless: pl.Series, wrong: Sequence[tuple[Channel, Flags]], spec: ModalitySource
) -> pl.DataFrame:
    """Rule and reason of readings without a time, or with a value that is no finite float32."""
    found: list[tuple[str, str]] = []
    first = np.argmax([flags for _, flags in wrong], axis=0).tolist() if wrong else [0] * bad.height
    logged = [bad[channel.logged] for channel, _ in wrong]
    shown = [values.cast(pl.String).to_list() for values in logged]
    finite = [values.is_finite().to_list() for values in logged]
    moments = _shown_times(bad)
    for row, (number, late) in enumerate(zip(first, timeless.to_list(), strict=True)):
        if late:
            found.append((BAD_TIME, _no_time(moments[row], spec)))
            continue
        name, value = wrong[number][0].name, shown[number][row]
        if value is None:
            found.append((NOT_FINITE, f"channel {name} has no value."))
        elif not finite[number][row]:
            found.append((NOT_FINITE, f"channel {name} is {value}."))
        else:
            found.append((OUT_OF_RANGE, f"channel {name} is {value} {spec.unit}, beyond 32 bits."))
    rules = pl.DataFrame(found, schema=["rule", "reason"], orient="row")
    return pl.DataFrame([bad["line"], *rules])


def _shown_times(bad: pl.DataFrame) -> list[str]:
    if "time" not in bad.columns:
        return [""] * bad.height
    return bad["time"].cast(pl.String, strict=False).fill_null("").to_list()


def _no_time(logged: str, spec: ModalitySource) -> str:
    if not logged.strip():
        return "it has no time."
    stated = getattr(spec.clock, "unit", "ns")
    return f"its time {logged} is no time in {'ISO 8601' if stated == 'iso8601' else stated}."

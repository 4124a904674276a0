"""Clocks: which column tells time, in which unit, at which true rate, and how it misbehaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.inspection.evidence import Guess
from mmbind.inspection.words import TIME_UNITS, unit_told
from mmbind.units import NANOSECONDS

Reals = npt.NDArray[np.float64]

#: Units that logs count time in.
TRIED = ("s", "ms", "us", "ns")
#: 2000-01-01 and 2040-01-01 in seconds since 1970: absolute times lie between.
EPOCH = (946_684_800.0, 2_208_988_800.0)
#: Rates of loggers, Hz; the usual ones win where two units are possible.
RATES, USUAL = (0.2, 8000.0), (10.0, 1000.0)
#: Rates that are stated where nothing tells one.
ROUND = (10.0, 12.5, 20.0, 25.0, 30.0, 32.0, 50.0, 60.0, 64.0, 100.0, 119.0, 128.0, 200.0, 238.0, 256.0, 400.0, 500.0)


@dataclass(frozen=True)
class Timing:
    """A modality's clock.

    Attributes:
        clock: the section ``clock`` of the draft, with guesses' comments left out.
        rate_hz: the true rate, median over files; None where nothing tells it.
        notes: what was seen, by key of the clock.
        unsure: what is open, as sentences.
        gap_s: the longest pause inside most files, for ``max_gap_s``.
    """

    clock: dict[str, object]
    rate_hz: float | None
    notes: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    gap_s: float = 0.0


def timing_of(column: str, told: str, pieces: Sequence[pl.Series], batches: Sequence[pl.Series]) -> Timing | None:
    """Looks at a column of times.

    Args:
        column: its name in the configuration.
        told: what it is called, which may hold a unit.
        pieces: its values of a modality's readings, one per file.
        batches: of batches: each reading's batch number, one per file; else empty.

    Returns:
        None when no unit makes these times of a logger.
    """
    unit = _unit(told, pieces, batches)
    if unit is None:
        return None
    stamps = [_seconds(piece, unit.value) for piece in pieces]
    stamps = [each[np.isfinite(each)] for each in stamps]
    notes = {"unit": unit.why} if unit.why else {}
    unsure = [] if unit.sure else [f"the unit of {told!r}: {unit.why}"]
    if batches:
        return _batched(column, unit.value, stamps, batches, notes, unsure)
    rates = [rate for each in stamps if (rate := _rate(each)) is not None]
    rate = float(np.median(rates)) if rates else None
    clock: dict[str, object] = {"kind": "timestamp", "column": column, "unit": unit.value}
    if rates:
        notes["kind"] = f"{_told(rates)} over {len(rates)} files"
    pauses = [float(np.diff(each).max()) for each in stamps if len(each) > 2]
    _manners(stamps, clock, notes, unsure)
    return Timing(clock, rate, notes, unsure, float(np.median(pauses)) if pauses else 0.0)


def counted(rate: Guess[float], what: str) -> Timing:
    """The clock of readings without times.

    Args:
        rate: the rate, guessed.
        what: where a better answer may stand.
    """
    unsure = [] if rate.sure else [f"the rate: {rate.why}; {what}"]
    return Timing({"kind": "sample_index", "rate_hz": rate.value}, None, {"rate_hz": rate.why}, unsure)


def round_rate(rate: float) -> float:
    """The nearest rate that loggers have."""
    return min(ROUND, key=lambda each: abs(np.log(rate / each)))


def _unit(told: str, pieces: Sequence[pl.Series], batches: Sequence[pl.Series]) -> Guess[str] | None:
    first = pieces[0]
    if first.dtype.is_temporal():
        return Guess("ns", "moments carry their own unit")
    if first.dtype == pl.String:
        return Guess("iso8601", "dates and times of day")
    values = [_numbers(piece) for piece in pieces]
    values = [each for each in values if len(each) > 2]
    if not values:
        return None
    middle = float(np.median(np.concatenate([each[:1] for each in values])))
    said = unit_told(told, TIME_UNITS)
    possible = {unit: rate for unit in TRIED if (rate := _typical(values, unit, batches)) is not None}
    fitting = {unit: rate for unit, rate in possible.items() if RATES[0] <= rate <= RATES[1]}
    for unit in fitting:
        seconds = middle * NANOSECONDS[unit] * 1e-9
        if EPOCH[0] <= seconds <= EPOCH[1]:
            return Guess(unit, f"since 1970 (it starts {_date(seconds)})")
    if said is not None and (said in fitting or not fitting):
        return Guess(said, "its name says so", sure=said in fitting)
    if not fitting:
        return None
    usual = [unit for unit, rate in fitting.items() if USUAL[0] <= rate <= USUAL[1]]
    best = min(usual or fitting, key=lambda unit: abs(np.log(fitting[unit] / 50)))
    others = [f"{unit} would be {rate:.3g} Hz" for unit, rate in fitting.items() if unit != best]
    why = (
        f"it gives {fitting[best]:.4g} Hz; {', '.join(others)}"
        if others
        else "no other unit gives a rate that is likely"
    )
    return Guess(best, why, sure=len(usual) == 1)


def _typical(values: Sequence[Reals], unit: str, batches: Sequence[pl.Series]) -> float | None:
    rates = [rate for each in values if (rate := _rate(each * NANOSECONDS[unit] * 1e-9)) is not None]
    return float(np.median(rates)) if rates else None


def _rate(stamps: Reals) -> float | None:
    """Readings per second between pauses: steps over ten times the mean one are no part of it."""
    steps = np.diff(stamps)
    steps = steps[steps >= 0]
    if len(steps) < 3 or steps.sum() <= 0:
        return None
    usual = steps[steps <= 10 * steps.mean()]
    return float(len(usual) / usual.sum()) if usual.sum() > 0 else None


def _manners(stamps: Sequence[Reals], clock: dict[str, object], notes: dict[str, str], unsure: list[str]) -> None:
    """Repeats, steps back, bursts: into the clock's policies and notes."""
    steps = [np.diff(each) for each in stamps if len(each) > 2]
    every = np.concatenate(steps) if steps else np.empty(0)
    if not len(every):
        return
    forward = every[every > 0]
    same, back = float((every == 0).mean()), int((every < 0).sum())
    usual = float(np.mean(forward)) if len(forward) else 0.0
    short = float((every < 0.3 * usual).mean())
    if short - same > 0.25 or (short > 0.4 and same < 0.1):
        clock["bursts"] = "spread"
        notes["bursts"] = f"{short:.0%} of the steps are under a third of the mean: readings come in bunches"
        unsure.append("bursts: spread evens the times out; 'kind: spread' goes by the count of readings alone")
    elif same > 0.2:
        clock["duplicates"] = "spread"
        notes["duplicates"] = f"{same:.0%} of the times repeat the one before: the clock ticks coarsely"
    elif same > 0:
        notes["column"] = f"{same:.2%} of the times repeat the one before; the first reading of a time is kept"
    if back:
        unsure.append(f"{back} of {len(every)} times go back; 'backward' says what becomes of them")


def _batched(
    column: str,
    unit: str,
    stamps: Sequence[Reals],
    batches: Sequence[pl.Series],
    notes: dict[str, str],
    unsure: list[str],
) -> Timing:
    """One time per batch: the rate from the sizes, and whose reading the time is."""
    first, last, rates = [], [], []
    for times, batch in zip(stamps, batches, strict=True):
        starts = np.flatnonzero(np.diff(batch.to_numpy(), prepend=-1))
        sizes, ticks = np.diff(starts, append=len(batch)), times[starts]
        steps = np.diff(ticks)
        near = (steps > 0) & (steps < 3 * np.median(steps))
        if near.sum() > 2:
            rates.append(float(sizes[1:][near].sum() / steps[near].sum()))
            first.append(float(np.abs(steps[near] - sizes[:-1][near] / rates[-1]).mean()))
            last.append(float(np.abs(steps[near] - sizes[1:][near] / rates[-1]).mean()))
    rate = float(np.median(rates)) if rates else 50.0
    early, late = (float(np.median(each)) if each else 0.0 for each in (first, last))
    stamp = "last" if late < early else "first"
    notes["rate_hz"] = f"{_told(rates)} over {len(rates)} files" if rates else "too few batches to tell"
    if min(early, late) > 0.5 * max(early, late) or not rates:
        unsure.append(
            "stamps: batches are alike in size, so nothing tells whether a time is of the first or last reading"
        )
    else:
        notes["stamps"] = f"times go with the size of the batch {'that they end' if stamp == 'last' else 'before them'}"
    nominal = round_rate(rate) if abs(round_rate(rate) / rate - 1) < 0.03 else round(rate, 3)
    clock: dict[str, object] = {"kind": "batch", "column": column, "unit": unit, "rate_hz": nominal, "stamps": stamp}
    return Timing(clock, rate, notes, unsure)


def _numbers(piece: pl.Series) -> Reals:
    values: Reals = piece.cast(pl.Float64).to_numpy()
    return values[np.isfinite(values)]


def _seconds(piece: pl.Series, unit: str) -> Reals:
    if piece.dtype.is_temporal() or unit == "iso8601":
        from mmbind.sources.clocks import to_ns

        nanoseconds = to_ns(piece, unit)
        first = nanoseconds.drop_nulls()
        shifted: Reals = (nanoseconds - (first[0] if len(first) else 0)).cast(pl.Float64).to_numpy()
        return shifted * 1e-9
    values: Reals = piece.cast(pl.Float64).to_numpy()
    start = values[np.isfinite(values)][:1]
    return (values - (start[0] if len(start) else 0.0)) * NANOSECONDS[unit] * 1e-9


def _told(rates: Sequence[float]) -> str:
    low, middle, high = (float(edge) for edge in np.quantile(rates, [0, 0.5, 1]))
    return f"{middle:.4g} Hz" if high - low < 0.02 * middle else f"{middle:.4g} Hz ({low:.4g} to {high:.4g})"


def _date(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s")).replace("T", " ")

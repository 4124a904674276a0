"""Sifting: readings that can be trusted, and why the others are set aside.

A reading is sound when it has a time and all its values are finite numbers that fit
float32. Of the sound ones those are kept whose times go on (:mod:`mmbind.sources.order`),
and their times are repaired where the clock's policies say so
(:mod:`mmbind.sources.repair`). The times of what is kept increase strictly, in each stretch
of a file in which its clock was not set back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import BatchClock, ModalitySource, SpreadClock, TimestampClock
from mmbind.schema import QUARANTINE, empty
from mmbind.sources.order import BACK, LEAP, NOTHING, ON, SET_BACK, Fates, Times, judge
from mmbind.sources.repair import spread_bursts, spread_over, spread_ticks
from mmbind.sources.rules import BACKWARD_TIME, DUPLICATE_TIME, LEAP_TIME
from mmbind.sources.sound import NONE_WRONG, split_sound
from mmbind.sources.texts import Raw, Texts
from mmbind.sources.without import without

#: Columns of readings set aside, and none of them.
ASIDE = {column: QUARANTINE[column] for column in ("line", "raw", "rule", "reason")}
_NONE_ASIDE = empty(ASIDE)

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sifted:
    """The outcome.

    Attributes:
        kept: t_ns (int64) and one float32 column per channel, in SI units.
        labels: label of each kept reading (string, null for none); None without labels.
        turns: how often the clock had been set back before each kept reading (int64), where
            ``backward: split`` asks for it; else None.
        aside: columns of ``ASIDE``.
    """

    kept: pl.DataFrame
    labels: pl.Series | None
    turns: pl.Series | None
    aside: pl.DataFrame


class Sifter:
    """Sifts one modality of one file, block after block.

    By default only the last few readings of a block wait for the next one. Policies that
    see the whole file (``kind: spread``, ``backward: sort``, and ``spread`` for bursts or
    duplicates) hold the modality's readings and the file's text until the file ends.
    """

    def __init__(self, spec: ModalitySource, channels: Sequence[str], max_gap_s: float) -> None:
        """Starts a file.

        Args:
            spec: the modality; clock and unit.
            channels: names of its channels.
            max_gap_s: the longest time between readings that belong together.
        """
        self._spec, self._channels, self._gap = spec, list(channels), round(max_gap_s * 1e9)
        clock = spec.clock
        stamped = clock if isinstance(clock, TimestampClock) else None
        self._batches, self._spread = isinstance(clock, BatchClock), isinstance(clock, SpreadClock)
        self._sort = stamped is not None and stamped.backward == "sort"
        self._split = stamped is not None and stamped.backward == "split"
        self._doubt = stamped is not None and stamped.duplicates == "quarantine"
        self._repair = _repair(spec)
        self._texts = Texts()
        #: Sound readings that are not judged yet; judged ones that wait for the file's end.
        self._open: list[pl.DataFrame] = []
        self._waiting: list[pl.DataFrame] = []
        #: The latest time that was trusted (of batches: of their first reading, and of all).
        self._latest, self._reached, self._turn = NOTHING, NOTHING, 0
        self._last: tuple[int, int] | None = None

    def push(self, readings: pl.DataFrame, raw: Raw) -> Sifted:
        """Takes the next block.

        Args:
            readings: a frame of :mod:`mmbind.sources.table`.
            raw: gives the text of the block's lines, as ``Block.raw`` does.

        Returns:
            What is decided by now, of this block and of those before.
        """
        sound, unsound = split_sound(readings, self._spec, self._channels)
        if readings.height:
            self._texts.add(readings["line"][0], raw)
        aside = [unsound]
        self._open.append(sound)
        kept = sound.clear()
        if not self._sort:
            judged, wrong = self._judge(final=False)
            aside.append(wrong)
            if self._repair is not None:
                self._waiting.append(judged)
            else:
                kept, repeats = self._single(judged, final=False)
                aside.append(repeats)
        sifted = self._give(kept, aside)
        if not self._sort and self._repair is None:
            self._texts.keep(next((rows["line"][0] for rows in [*self._waiting, *self._open] if rows.height), None))
        return sifted

    def finish(self) -> Sifted:
        """Takes the end of the file: what was still open is decided now."""
        if not self._open:
            nothing = pl.DataFrame(schema={"t_ns": pl.Int64, **dict.fromkeys(self._channels, pl.Float32)})
            return Sifted(nothing, None, None, _NONE_ASIDE)
        aside = []
        if self._sort:
            judged = pl.concat(self._open).sort("t_ns", maintain_order=True)
            judged = judged.hstack([_turn(0, judged.height)])
        else:
            judged, wrong = self._judge(final=True)
            aside.append(wrong)
        if self._repair is not None:
            judged = _repaired(pl.concat([*self._waiting, judged]), self._repair, self._gap)
            self._waiting = []
        kept, repeats = self._single(judged, final=True)
        return self._give(kept, [*aside, repeats])

    def _judge(self, *, final: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Takes open readings whose order is decided; returns those that go on, with their turn, and the others."""
        rows = _together(self._open)
        fates, self._latest = self._fates(rows, final=final)
        rows, self._open = rows.head(len(fates)), [rows.slice(len(fates))]
        turn, self._turn = self._turn, self._turn + int((fates == SET_BACK).sum())
        stamps = rows["t_ns"].to_numpy()
        if not fates.any() and not self._batches:
            self._reached = int(stamps[-1]) if len(stamps) else self._reached
            return rows.hstack([_turn(turn, rows.height)]), NONE_WRONG
        if self._batches:
            behind = stamps < _greatest_before(np.where(fates == ON, stamps, NOTHING), self._reached)
            fates[behind & (fates == ON)] = BACK
        on = (fates == ON) | (fates == SET_BACK)
        latest = _last_of(stamps, on, self._reached)
        if self._spread:
            near = ~on & (latest != NOTHING) & (np.abs(stamps - latest) <= self._gap)
            on, stamps = on | near, np.where(near, latest, stamps)
        self._reached = int(stamps[on][-1]) if on.any() else self._reached
        turns = pl.Series("turn", turn + np.cumsum(fates == SET_BACK))
        wrong = (
            rows.select("line", "t_ns", latest=pl.Series(latest), leap=pl.Series(fates == LEAP)).filter(~on).rechunk()
        )
        return rows.with_columns(turns, pl.Series("t_ns", stamps)).filter(on), _out_of_order(wrong)

    def _fates(self, rows: pl.DataFrame, *, final: bool) -> tuple[Fates, int]:
        """Fates of the open readings that can be decided, and the latest time that is trusted now."""
        stamps = rows["t_ns"].to_numpy()
        if not self._batches:
            return judge(stamps, self._latest, split=self._split, final=final)
        starts = np.flatnonzero(np.diff(rows["batch"].to_numpy(), prepend=-1))
        fates, latest = judge(stamps[starts], self._latest, split=False, final=final)
        sizes = np.diff(starts, append=len(stamps))[: len(fates)]
        return np.repeat(np.where(fates == LEAP, fates, ON).astype(np.int8), sizes), latest

    def _single(self, rows: pl.DataFrame, *, final: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Parts readings in order into those to keep and repeats of a time."""
        if self._waiting:
            rows, self._waiting = _together([*self._waiting, rows]), []
        if not rows.height:
            return rows, NONE_WRONG
        stamps, turns = rows["t_ns"].to_numpy(), rows["turn"].to_numpy()
        again = np.append((stamps[0], turns[0]) == self._last, stamps[1:] == stamps[:-1])
        if turns[0] != turns[-1]:
            again[1:] &= turns[1:] == turns[:-1]
        repeats = again | np.append(again[1:], False) if self._doubt else again
        if self._doubt and not final and not repeats[-1]:
            self._waiting, rows, repeats = [rows.tail(1)], rows.head(-1), repeats[:-1]
        if rows.height:
            self._last = int(stamps[rows.height - 1]), int(turns[rows.height - 1])
        if not repeats.any():
            return rows, NONE_WRONG
        whose = "another reading" if self._doubt else "the last kept reading"
        reason = pl.format(f"its time {{}} ns is that of {whose}.", "t_ns").alias("reason")
        aside = rows[np.flatnonzero(repeats)].select("line", pl.lit(DUPLICATE_TIME).alias("rule"), reason)
        return without(rows, np.flatnonzero(repeats)), aside

    def _give(self, rows: pl.DataFrame, aside: Sequence[pl.DataFrame]) -> Sifted:
        """The outcome, channels under their names and what is set aside with its text."""
        found = [each for each in aside if each.height]
        lost = pl.concat(found) if found else NONE_WRONG
        if len(found) > 1:
            lost = lost.sort("line", maintain_order=True)
        values = (rows[f"v{number}"].alias(name) for number, name in enumerate(self._channels))
        return Sifted(
            kept=pl.DataFrame([rows["t_ns"], *values]),
            labels=rows["label"] if "label" in rows.columns else None,
            turns=rows["turn"] if self._split and "turn" in rows.columns else None,
            aside=self._with_texts(lost) if lost.height else _NONE_ASIDE,
        )

    def _with_texts(self, lost: pl.DataFrame) -> pl.DataFrame:
        """Columns of ``ASIDE`` of readings given by line, rule and reason."""
        columns = {"raw": self._texts.of(lost["line"]), **{column.name: column for column in lost}}
        return pl.DataFrame([columns[name] for name in ASIDE])


def _together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Frames as one (at least one is needed), whose times lie in one piece: they are looked at again and again."""
    found = [each for each in frames if each.height] or frames[-1:]
    rows = found[0] if len(found) == 1 else pl.concat(found)
    return pl.DataFrame([each.rechunk() if each.name == "t_ns" else each for each in rows])


def _repair(spec: ModalitySource) -> Callable[[Times, int], Times] | None:
    """How a modality's times are repaired, if they are."""
    clock = spec.clock
    if isinstance(clock, SpreadClock):
        return spread_over
    if isinstance(clock, TimestampClock) and clock.bursts == "spread":
        return spread_bursts
    if isinstance(clock, TimestampClock) and clock.duplicates == "spread":
        return spread_ticks
    return None


def _repaired(rows: pl.DataFrame, repair: Callable[[Times, int], Times], gap: int) -> pl.DataFrame:
    """Readings in order with repaired times, turn by turn."""
    stamps, turns = rows["t_ns"].to_numpy(), rows["turn"].to_numpy()
    pieces = np.split(stamps, np.flatnonzero(np.diff(turns)) + 1) if len(stamps) else []
    times = [np.maximum.accumulate(repair(piece, gap)) for piece in pieces]
    return rows.with_columns(pl.Series("t_ns", np.concatenate([stamps[:0], *times])))


def _greatest_before(stamps: Times, first: int) -> Times:
    """The greatest of ``first`` and the stamps before each one."""
    greatest: Times = np.maximum.accumulate(np.append(first, stamps))[:-1]
    return greatest


def _last_of(stamps: Times, on: Flags, first: int) -> Times:
    """The last stamp before each reading that is on, ``first`` for none."""
    last = np.maximum.accumulate(np.where(on, np.arange(1, len(on) + 1), 0))
    before: Times = np.append(first, stamps)[np.append(0, last)[:-1]]
    return before


def _turn(turn: int, count: int) -> pl.Series:
    return pl.Series("turn", np.full(count, turn, dtype=np.int64))


def _out_of_order(wrong: pl.DataFrame) -> pl.DataFrame:
    """Rule and reason of readings (line, t_ns, latest, leap) whose times do not go on."""
    behind = pl.format("its time {} ns is before {} ns, that of the last kept reading.", "t_ns", "latest")
    first = pl.format("its time {} ns lies ahead of those behind it.", "t_ns")
    leap = pl.format("its time {} ns leaps ahead: the readings behind it go on from {} ns.", "t_ns", "latest")
    reason = pl.when(~pl.col("leap")).then(behind).when(pl.col("latest") == NOTHING).then(first).otherwise(leap)
    return wrong.select(
        "line",
        pl.when("leap").then(pl.lit(LEAP_TIME)).otherwise(pl.lit(BACKWARD_TIME)).alias("rule"),
        reason.alias("reason"),
    )

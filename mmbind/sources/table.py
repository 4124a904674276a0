"""What readers hand over: blocks of raw readings, and the lines that are none.

A reader gives one frame per modality and block, with the columns

======  =================================================================================
line    int64, 1-based line of the file (row, where a format has no lines)
row     int64, 0-based number of the reading among the modality's readings in the file
time    as logged, any type; only for clocks that need one
place   int64, position inside its batch, and
size    int64, readings in that batch; both only for batches
label   string as logged, null for none; only where labels come from a column
v0 ...  float64, one per channel, in the logged unit; null for a missing value
======  =================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from mmbind.config import ModalitySource, SampleClock
from mmbind.errors import nearest
from mmbind.sources.rules import BROKEN_LINE

#: Lines that are no readings; modality is null when all modalities of the file lose one.
BROKEN: dict[str, type[pl.DataType]] = {
    "modality": pl.String,
    "line": pl.Int64,
    "rule": pl.String,
    "reason": pl.String,
}


class FileProblem(Exception):  # noqa: N818  (it is caught and becomes a row of the quarantine)
    """A file that cannot be used as a whole.

    Attributes:
        rule: short name of what is wrong, e.g. ``unreadable``.
        reason: one sentence.
    """

    def __init__(self, rule: str, reason: str) -> None:
        """Keeps both."""
        self.rule, self.reason = rule, reason
        super().__init__(reason)


@dataclass(frozen=True)
class Block:
    """Some consecutive lines of a file.

    Attributes:
        readings: per modality, the frame described above, in the order of the file.
        broken: lines that are no readings, columns of ``BROKEN``.
        read: per modality, how many readings the block holds, broken ones included.
        raw: what the file holds at some lines (int64 series, with repeats) of this block, as
            binary: the line's own bytes, without its line feed, or of a format without lines
            the row in JSON.
    """

    readings: Mapping[str, pl.DataFrame]
    broken: pl.DataFrame
    read: Mapping[str, int]
    raw: Callable[[pl.Series], pl.Series]


@dataclass(frozen=True)
class RawFile:
    """An opened file.

    Attributes:
        blocks: its content; iterating may raise :class:`FileProblem`.
        missing: per modality that the file cannot give, the reason. Complete once the
            blocks are consumed; what they held of such a modality does not count.
        unlabelled: why no labels could be read although a column is named for them; empty
            when they could. Complete once the blocks are consumed.
        passed: rows of a long table that were passed by, by sensor that no modality names.
            Complete once the blocks are consumed.
    """

    blocks: Iterable[Block]
    missing: dict[str, str] = field(default_factory=dict)
    unlabelled: list[str] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)


@dataclass
class Sensors:
    """Rows of a long table by modality, block after block.

    Attributes:
        wanted: per modality, the name of its sensor.
        rows: per modality, rows so far, those that tell no sensor included.
        passed: rows so far by sensor that no modality names; the one of :class:`RawFile`.
    """

    wanted: Mapping[str, str]
    rows: dict[str, int]
    passed: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, modalities: Mapping[str, ModalitySource]) -> Sensors:
        """Starts a file."""
        return cls({name: spec.sensor or "" for name, spec in modalities.items()}, dict.fromkeys(modalities, 0))

    def number(self, names: pl.Series) -> dict[str, pl.Series]:
        """Numbers the next rows of the file, modality by modality.

        Args:
            names: each row's sensor (string), in the order of the file; null or empty where
                it is not told. Such a row is numbered in every modality, for the reader to
                report it as broken.

        Returns:
            Per modality the column ``row`` (int64), null where the row is another sensor's.
            What is not null counts as read.
        """
        names = names.cast(pl.String).str.strip_chars().fill_null("")
        untold = names == ""
        numbers = {}
        for name, sensor in self.wanted.items():
            mine = untold | (names == sensor)
            start, self.rows[name] = self.rows[name], self.rows[name] + int(mine.sum())
            counted = mine.cast(pl.Int64).cum_sum() - 1 + start
            numbers[name] = counted.set(~mine, None).alias("row")
        other = names.filter(~untold & ~names.is_in(sorted(set(self.wanted.values()))))
        for sensor, count in other.value_counts(sort=False).sort(names.name).iter_rows():
            self.passed[sensor] = self.passed.get(sensor, 0) + count
        return numbers

    def find_missing(self) -> dict[str, str]:
        """After the last block: the modalities whose sensor no row named, with the reason."""
        found = [sensor for name, sensor in self.wanted.items() if self.rows[name]]
        known = [*found, *self.passed]
        return {
            name: f"no row is of the sensor {sensor!r}. {nearest(sensor, known)}"
            for name, sensor in self.wanted.items()
            if not self.rows[name]
        }


def time_column(spec: ModalitySource) -> str | None:
    """The column that a modality's clock needs, if any."""
    return None if isinstance(spec.clock, SampleClock) else spec.clock.column


def count_channels(readings: pl.DataFrame) -> int:
    """How many channels a frame of readings has."""
    return sum(name[0] == "v" for name in readings.columns)


def needed_columns(spec: ModalitySource) -> list[str | int]:
    """All columns that a modality needs: values in channel order, then time."""
    time = time_column(spec)
    return [*spec.columns, *([] if time is None else [time])]


def position(column: str | int, names: Sequence[str]) -> int | None:
    """Where a column stands among a file's columns; None when it is missing.

    Args:
        column: its name, or its 0-based position.
        names: the file's columns.
    """
    if isinstance(column, int):
        return column if 0 <= column < len(names) else None
    return names.index(column) if column in names else None


def lacking(column: str | int, names: Sequence[str]) -> str:
    """The sentence about a missing column, with the nearest name."""
    if isinstance(column, int):
        return f"the column {column} is missing: there are {len(names)}."
    return f"the column {column!r} is missing. {nearest(column, names)}"


def find_missing(modalities: Mapping[str, ModalitySource], names: Sequence[str]) -> dict[str, str]:
    """The modalities that a file with these columns cannot give, with the reason."""
    missing: dict[str, str] = {}
    for name, spec in modalities.items():
        for column in needed_columns(spec):
            if position(column, names) is None:
                missing[name] = lacking(column, names)
                break
            if names.count(str(column)) > 1 and isinstance(column, str):
                missing[name] = f"the column {column!r} stands there {names.count(column)} times."
                break
    return missing


def broken_frame(rows: Sequence[tuple[str | None, int, str]]) -> pl.DataFrame:
    """A table of broken lines from (modality, line, reason)."""
    return pl.DataFrame(
        [(modality, line, BROKEN_LINE, reason) for modality, line, reason in rows], schema=BROKEN, orient="row"
    )

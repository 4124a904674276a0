"""``sources.<name>.modalities.<name>.clock``: when readings were taken."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmbind.config.base import Section

#: Units of logged times; ``iso8601`` is text such as 2026-03-01T10:00:00.250+01:00 (UTC without a zone).
TimeUnit = Literal["ns", "us", "ms", "s", "min", "h", "d", "iso8601"]


class TimestampClock(Section):
    """Every reading carries its time, absolute or since the recording's start.

    A time that leaps ahead of the next readings, three of four of which go on where the
    readings before it stopped, is set aside alone. Only ``backward: sort`` needs no such rule:
    nothing there depends on what came before. See ``docs/clocks.md``.
    """

    kind: Literal["timestamp"]
    #: Column (or JSON field) of the time.
    column: str
    unit: TimeUnit
    #: Rate that the logger is said to have; a measured one that differs is reported. None: no such claim.
    nominal_hz: float | None = Field(default=None, gt=0)
    #: Readings of one time. ``first``: the first is kept, the others are set aside.
    #: ``spread``: they are spread evenly until the next time (a clock of coarse steps); at a
    #: pause, and at both ends, where a step may be cut, at the usual spacing.
    #: ``quarantine``: all are set aside, since nobody knows which is right.
    duplicates: Literal["first", "spread", "quarantine"] = "first"
    #: Readings earlier than those before. ``quarantine``: they are set aside. ``sort``: they
    #: are put in their place (a logger that writes out of order). ``split``: the clock was set
    #: back, and what follows is another part of the recording; one that stands alone, because
    #: the next goes on where those before it stopped, is set aside.
    backward: Literal["quarantine", "sort", "split"] = "quarantine"
    #: Readings that arrive in bunches, a few per tick. ``keep``: their times are taken as they
    #: are. ``spread``: they are spread evenly at the rate at which the bunches come, and
    #: neither jitter of the ticks nor equal times inside a bunch matter. The rate may drift: it
    #: is taken from 16 bunches around each reading, or two seconds, where those are longer.
    bursts: Literal["keep", "spread"] = "keep"

    @model_validator(mode="after")
    def _policies_agree(self) -> Self:
        if self.bursts == "spread" and self.duplicates != "first":
            raise ValueError("bursts: spread already spreads readings of one time; leave duplicates out")
        if self.bursts == "spread" and self.backward == "sort":
            raise ValueError("bursts: spread takes readings in the order of the file; it cannot go with backward: sort")
        return self


class SampleClock(Section):
    """Readings are counted at a stated rate; the recording starts at 0."""

    kind: Literal["sample_index"]
    rate_hz: float = Field(gt=0)


class SpreadClock(Section):
    """Readings are spread evenly from the first to the last time of the recording.

    For logs whose count of readings is right and whose single times are not: only the first
    and the last time between two pauses (``max_gap_s``) are used, the others tell nothing.
    Only a time that lies more than such a pause behind those before it, or leaps so far ahead,
    is set aside.
    """

    kind: Literal["spread"]
    #: Column (or JSON field) of the time.
    column: str
    unit: TimeUnit
    #: Rate that the logger is said to have; a measured one that differs is reported. None: no such claim.
    nominal_hz: float | None = Field(default=None, gt=0)


class BatchClock(Section):
    """A batch of readings carries one time; readings inside it are spaced by the rate."""

    kind: Literal["batch"]
    column: str
    unit: TimeUnit
    #: A measured rate that differs is reported.
    rate_hz: float = Field(gt=0)
    #: Whether the batch's time is that of its first or its last reading.
    stamps: Literal["first", "last"] = "first"


Clock = Annotated[TimestampClock | SampleClock | SpreadClock | BatchClock, Field(discriminator="kind")]

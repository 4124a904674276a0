"""``sources.<name>.modalities.<name>.clock``: when readings were taken."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmbind.config.base import Section


class TimestampClock(Section):
    """Every reading carries its time."""

    kind: Literal["timestamp"]
    #: Column (or JSON field) of the time.
    column: str
    unit: Literal["s", "ms", "us", "ns"]


class SampleClock(Section):
    """Readings are counted at a stated rate; the recording starts at 0."""

    kind: Literal["sample_index"]
    rate_hz: float = Field(gt=0)


class BatchClock(Section):
    """A batch of readings carries one time; readings inside it are spaced by the rate."""

    kind: Literal["batch"]
    column: str
    unit: Literal["s", "ms", "us", "ns"]
    rate_hz: float = Field(gt=0)
    #: Whether the batch's time is that of its first or its last reading.
    stamps: Literal["first", "last"] = "first"


Clock = Annotated[TimestampClock | SampleClock | BatchClock, Field(discriminator="kind")]

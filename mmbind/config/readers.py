"""``sources.<name>.reader``: the formats of raw logs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmbind.config.base import Section


class DelimitedReader(Section):
    """Delimited text: CSV, TSV and their relatives."""

    format: Literal["delimited"]
    #: One character between the columns.
    separator: str = Field(default=",", pattern=r"^[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]$")
    #: Lines that start with this are skipped.
    comment: str | None = Field(default=None, min_length=1)
    #: Whether the first line that is no comment names the columns; else they are "0", "1", ...
    header: bool = True


class MatlabReader(Section):
    """MATLAB 5 files; a modality names its variable and the axis that is time."""

    format: Literal["matlab"]


class JsonlReader(Section):
    """JSON lines: one reading per line, or one batch of readings per line."""

    format: Literal["jsonl"]
    #: ``reading``: a line is one reading. ``batch``: fields hold lists, one entry per reading.
    layout: Literal["reading", "batch"] = "reading"


class ParquetReader(Section):
    """Parquet files, wide: one row per reading."""

    format: Literal["parquet"]


Reader = Annotated[DelimitedReader | MatlabReader | JsonlReader | ParquetReader, Field(discriminator="format")]

"""``sources.<name>.reader``: the formats of raw logs."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from mmbind.config.base import Section

_Reader = TypeVar("_Reader")


def _with_sensors(reader: _Reader, layout: str, column: str | None) -> _Reader:
    """The reader itself, when it names a column of sensors just if its layout is long."""
    if layout == "long" and column is None:
        raise ValueError("layout: long needs sensor_column, the column that names a row's sensor")
    if layout != "long" and column is not None:
        raise ValueError(f"sensor_column: only layout: long has one, not {layout}")
    return reader


class TableReader(Section):
    """Formats with rows: a row is a reading of all modalities, or of one sensor."""

    #: ``wide``: a row holds a reading of every modality. ``long``: a row is a reading of one
    #: sensor, which ``sensor_column`` names; modalities say which ``sensor`` is theirs.
    layout: Literal["wide", "long"] = "wide"
    #: ``long``: the column of the sensor's name.
    sensor_column: str | None = None

    @model_validator(mode="after")
    def _long_names_its_sensors(self) -> Self:
        return _with_sensors(self, self.layout, self.sensor_column)


class DelimitedReader(TableReader):
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
    #: ``reading``: a line is one reading of every modality whose fields it has. ``batch``:
    #: fields hold lists, one entry per reading. ``long``: a line is one reading of the sensor
    #: that ``sensor_column`` names; modalities say which ``sensor`` is theirs.
    layout: Literal["reading", "batch", "long"] = "reading"
    #: ``long``: the field of the sensor's name (``a.b`` for a nested one).
    sensor_column: str | None = None

    @model_validator(mode="after")
    def _long_names_its_sensors(self) -> Self:
        return _with_sensors(self, self.layout, self.sensor_column)


class ParquetReader(TableReader):
    """Parquet files."""

    format: Literal["parquet"]


Reader = Annotated[DelimitedReader | MatlabReader | JsonlReader | ParquetReader, Field(discriminator="format")]

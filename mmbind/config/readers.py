"""``sources.<name>.reader``: the formats of raw logs."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, TypeAdapter, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from mmbind.config.base import Section

#: Entry points of this group are readers of other packages; their names are formats.
READER_GROUP = "mmbind.readers"
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


class ArrowReader(TableReader):
    """Arrow IPC, files (Feather version 2) and streams."""

    format: Literal["arrow"]


class SqliteReader(TableReader):
    """SQLite databases."""

    format: Literal["sqlite"]
    #: The table of the readings; None when the database has only one.
    table: str | None = None


class Hdf5Reader(TableReader):
    """HDF5 files: one dataset per modality (``variable``), or one per column."""

    format: Literal["hdf5"]


BuiltInReader = Annotated[
    DelimitedReader | MatlabReader | JsonlReader | ParquetReader | ArrowReader | SqliteReader | Hdf5Reader,
    Field(discriminator="format"),
]


class ThirdPartyReader(Section):
    """A format that an installed package reads, see ``docs/readers.md``."""

    #: Name of the entry point in the group ``mmbind.readers``.
    format: str
    #: Whatever that reader wants to know.
    options: dict[str, Any] = {}


#: The formats that need no other package.
BUILT_IN = ("delimited", "matlab", "jsonl", "parquet", "arrow", "sqlite", "hdf5")
_built_in: TypeAdapter[BuiltInReader] = TypeAdapter(BuiltInReader)


def third_party_formats() -> list[str]:
    """The formats that installed packages read, sorted."""
    return sorted(entry_points(group=READER_GROUP).names)


def _by_format(value: Any, _: Any) -> Any:
    """Validates by the format's own section; formats of other packages are looked up only when they are asked for."""
    if isinstance(value, Section):
        return value
    named = value.get("format") if isinstance(value, dict) else None
    if not isinstance(named, str) or named in BUILT_IN:
        return _built_in.validate_python(value)
    others = third_party_formats()
    if named not in others:
        raise PydanticCustomError("unknown_format", "unknown format", {"tag": named, "known": [*BUILT_IN, *others]})
    return ThirdPartyReader.model_validate(value)


Reader = Annotated[BuiltInReader | ThirdPartyReader, WrapValidator(_by_format)]

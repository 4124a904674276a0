"""``sources.<name>.reader``: the formats of raw logs."""

from __future__ import annotations

import codecs
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, TypeAdapter, WrapValidator, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mmbind.config.base import Section

#: Entry points of this group are readers of other packages; their names are formats.
READER_GROUP = "mmbind.readers"
#: Encodings that agree with ASCII at first sight only.
_NOT_BY_LINES = ("iso2022", "idna", "unicode-escape", "raw-unicode-escape")
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
    #: One character between the columns, or ``whitespace``: any run of blanks and tabs.
    separator: str = Field(default=",", pattern=r"^([\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]|whitespace)$")
    #: Lines that start with this, or with one of these, are skipped.
    comment: Annotated[str, Field(min_length=1)] | list[Annotated[str, Field(min_length=1)]] | None = None
    #: Whether the first line that is no comment names the columns; else they are "0", "1", ...
    #: A line that repeats it later on is skipped.
    header: bool = True
    #: Lines at the start of the file that are skipped, whatever they hold.
    skip_lines: int = Field(default=0, ge=0)
    #: One character that ends every line before its line break, and is no part of the last
    #: field; a line without it is broken.
    terminator: str | None = Field(default=None, pattern=r"^[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]$")
    #: The mark between a number's whole and broken part. With a comma, ``1.5`` is no number.
    decimal: Literal[".", ","] = "."
    #: utf-8, utf-16, latin-1, cp1252, ...: any encoding that Python knows and that agrees with
    #: ASCII, or UTF-16 or UTF-32 (byte order by their mark, or ``-le``, ``-be``).
    encoding: str = "utf-8"
    #: What ends a line: ``lf`` (also after a carriage return), or ``cr``, as on old Macs.
    newline: Literal["lf", "cr"] = "lf"

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        return text_encoding(value)

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        for key in ("separator", "terminator"):
            if getattr(self, key) == self.decimal:
                raise ValueError(f"{key}: {self.decimal!r} is the decimal mark already")
        return self


def text_encoding(name: str) -> str:
    """Python's own name of an encoding whose lines can be told apart.

    Raises:
        ValueError: when Python does not know it, or it does not agree with ASCII.
    """
    known = "utf-8, utf-16, latin-1, cp1252, and others that Python knows"
    try:
        codec = codecs.lookup(name).name.removesuffix("-sig")
        agrees = codec[:6] in ("utf-16", "utf-32") or bytes(range(128)).decode(codec) == "".join(map(chr, range(128)))
    except (LookupError, UnicodeError, ValueError):
        raise ValueError(f"unknown encoding {name!r}; known: {known}") from None
    if not agrees or codec.replace("_", "-").startswith(_NOT_BY_LINES):
        raise ValueError(f"lines of {name!r} cannot be told apart; take {known}")
    return codec


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

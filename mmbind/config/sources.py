"""``sources``: where raw logs lie and what their columns mean."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from mmbind.config.base import Section
from mmbind.config.clocks import BatchClock, Clock
from mmbind.config.readers import Hdf5Reader, JsonlReader, MatlabReader, Reader, ThirdPartyReader
from mmbind.errors import nearest
from mmbind.units import UNITS

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
#: Columns of a modality's records that are no channels.
KEYS = ("recording", "t_ns")


class ModalitySource(Section):
    """How one modality is read from a source's files."""

    #: Columns in channel order: header names, 0-based positions (variables, no header), JSON
    #: fields (``a.b`` for nested ones), or HDF5 datasets. Empty: every column of the variable.
    columns: list[str | int] = []
    #: Channel names; ``c0, c1, ...`` when empty.
    channels: list[str] = []
    unit: str
    clock: Clock
    #: Long layout: the sensor whose rows hold the modality, as its column names it.
    sensor: str | None = None
    #: MATLAB: the variable that holds the modality. HDF5: the dataset's path, when one holds
    #: all channels.
    variable: str | None = None
    #: The axis of the variable that is time; the others become columns in C order.
    time_axis: int = 0

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, value: str) -> str:
        if value not in UNITS:
            raise ValueError(f"unknown unit {value!r}. {nearest(value, UNITS)}")
        return value


class Identity(Section):
    """How a file's path tells whose recording it is.

    ``pattern`` is searched in the path below the source's folder; its named groups
    (subject, device, placement, session, label, part) win over the constants.
    """

    pattern: str | None = None
    subject: str | None = None
    device: str | None = None
    placement: str | None = None
    session: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            known = {"subject", "device", "placement", "session", "label", "part"}
            try:
                groups = set(re.compile(value).groupindex)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
            if groups - known:
                raise ValueError(f"unknown groups {sorted(groups - known)}; known: {sorted(known)}")
        return value


class Labels(Section):
    """Where labels come from: the path's ``label`` group, or a column of the file."""

    #: Column (or JSON field) of the label; None: the path's ``label`` group, if it has one.
    column: str | None = None
    #: Names as logged to common names; an unmapped name is kept as it is.
    map: dict[str, str] = {}
    #: Names as logged that mean "no label".
    unlabelled: list[str] = [""]


class Source(Section):
    """One fleet or data set."""

    #: Files below ``data/raw/<source>/``, as a glob. MATLAB sets with one file per modality
    #: name one glob per modality in ``join``.
    files: str = "**/*"
    #: One glob per modality where a recording is several files, joined by ``identity.pattern``'s
    #: groups; empty when every file holds all modalities.
    join: dict[Name, str] = {}
    reader: Reader
    identity: Identity = Identity()
    labels: Labels = Labels()
    modalities: dict[Name, ModalitySource] = Field(min_length=1)
    #: Number of shard files per modality; a file's shard follows from its path alone.
    shards: int = Field(default=8, ge=1)
    #: A pause longer than this splits a recording in parts.
    max_gap_s: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _modalities_can_be_read(self) -> Self:
        if self.join and set(self.join) != set(self.modalities):
            raise ValueError(f"join must name every modality and no other: {', '.join(sorted(self.modalities))}")
        if self.labels.column is not None and isinstance(self.reader, MatlabReader):
            raise ValueError("labels.column: MATLAB files give labels by path only")
        long = getattr(self.reader, "sensor_column", None) is not None
        batches = isinstance(self.reader, JsonlReader) and self.reader.layout == "batch"
        for name, spec in self.modalities.items():
            if isinstance(self.reader, MatlabReader):
                if spec.variable is None:
                    raise ValueError(f"modalities.{name}: the MATLAB variable is missing")
            elif isinstance(self.reader, ThirdPartyReader):
                if not spec.columns and not spec.channels:
                    raise ValueError(f"modalities.{name}: columns or channels are missing")
            elif not spec.columns and not (isinstance(self.reader, Hdf5Reader) and spec.variable is not None):
                raise ValueError(f"modalities.{name}: columns are missing")
            if long != (spec.sensor is not None) and not isinstance(self.reader, ThirdPartyReader):
                wrong = "sensor is missing" if long else "sensor: only the layout 'long' tells rows apart by sensor"
                raise ValueError(f"modalities.{name}: {wrong}")
            if spec.channels and spec.columns and len(spec.channels) != len(spec.columns):
                raise ValueError(
                    f"modalities.{name}: {len(spec.columns)} columns cannot have {len(spec.channels)} channel names"
                )
            if len(set(spec.channels)) != len(spec.channels) or set(spec.channels) & set(KEYS):
                raise ValueError(f"modalities.{name}: channel names must differ, and none may be {' or '.join(KEYS)}")
            if isinstance(spec.clock, BatchClock) and not batches:
                raise ValueError(f"modalities.{name}: a batch clock needs reader {{format: jsonl, layout: batch}}")
        return self


class Archive(Section):
    """A packed raw data set that ``mmbind fetch`` unpacks into ``data/raw/<source>/``."""

    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    #: Where people get it (a URL or a few words), named when it is missing.
    origin: str = ""
    #: Leading folders of the archive's paths that are cut off.
    strip: int = Field(default=0, ge=0)

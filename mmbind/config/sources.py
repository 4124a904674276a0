"""``sources``: where raw logs lie and what their columns mean."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from mmbind.config.base import Section
from mmbind.config.clocks import BatchClock, Clock
from mmbind.config.derived import BASE_CHANNELS, BASE_UNITS, DerivedModality
from mmbind.config.labelling import Identity, Labels
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
    #: Unit of the values, once ``offset`` and ``scale`` are applied: (logged - offset) x scale.
    unit: str
    #: What one count of an integer log is worth in ``unit``; one number, or one per column.
    scale: float | list[float] = 1.0
    #: The count that means zero; one number, or one per column.
    offset: float | list[float] = 0.0
    #: Where each channel comes from, and its sign: ``[y, -x, z]`` makes x of the logged y and y
    #: of the logged -x. A mapping gives axes by device or placement; others are as logged.
    axes: list[str] | dict[str, list[str]] = []
    clock: Clock
    #: False: the modality only serves those derived from it, and leaves no records of its own.
    keep: bool = True
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

    @field_validator("scale", "offset")
    @classmethod
    def _finite(cls, value: float | list[float]) -> float | list[float]:
        if not all(math.isfinite(number) for number in (value if isinstance(value, list) else [value])):
            raise ValueError("must be finite")
        return value

    @property
    def width(self) -> int | None:
        """How many channels it has; None where only the files tell."""
        return len(self.columns) or len(self.channels) or None

    @property
    def frames(self) -> dict[str, list[str]]:
        """Axes by device or placement; those of all others stand under ""."""
        return self.axes if isinstance(self.axes, dict) else {"": self.axes} if self.axes else {}

    def problem(self) -> str:
        """What does not fit together in its columns, channels, scales and axes; empty when all does."""
        if self.channels and self.columns and len(self.channels) != len(self.columns):
            return f"{len(self.columns)} columns cannot have {len(self.channels)} channel names"
        if len(set(self.channels)) != len(self.channels) or set(self.channels) & set(KEYS):
            return f"channel names must differ, and none may be {' or '.join(KEYS)}"
        for key, numbers in (("scale", self.scale), ("offset", self.offset)):
            if isinstance(numbers, list) and len(numbers) != self.width:
                return (
                    f"{key} has {len(numbers)} numbers, not one per column ({self.width or 'columns are not listed'})"
                )
            if key == "scale" and 0 in (numbers if isinstance(numbers, list) else [numbers]):
                return "scale: 0 would make all values the same"
        for device, axes in self.frames.items():
            if sorted(axis.removeprefix("-") for axis in axes) != sorted(self.channels):
                place = f"axes.{device}" if device else "axes"
                return f"{place} {axes} must name each of the channels {self.channels} once, with or without '-'"
        return ""


class Source(Section):
    """One fleet or data set."""

    #: Files below ``data/raw/<source>/``, as a glob. MATLAB sets with one file per modality
    #: name one glob per modality in ``join``.
    files: str = "**/*"
    #: Globs of files that are passed by although those fit them: what a study does not want.
    exclude: list[str] = []
    #: One glob per modality where a recording is several files, joined by ``identity.pattern``'s
    #: groups; empty when every file holds all modalities.
    join: dict[Name, str] = {}
    reader: Reader
    identity: Identity = Identity()
    labels: Labels = Labels()
    modalities: dict[Name, ModalitySource] = Field(min_length=1)
    #: Modalities that are computed from one of those.
    derived: dict[Name, DerivedModality] = {}
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
            if problem := spec.problem():
                raise ValueError(f"modalities.{name}: {problem}")
            if isinstance(spec.clock, BatchClock) and not batches:
                raise ValueError(f"modalities.{name}: a batch clock needs reader {{format: jsonl, layout: batch}}")
        return self

    @model_validator(mode="after")
    def _modalities_can_be_derived(self) -> Self:
        for name, spec in self.derived.items():
            if name in self.modalities:
                raise ValueError(f"derived.{name}: modalities.{name} is read already; choose another name")
            base = self.modalities.get(spec.base)
            if base is None:
                hint = nearest(spec.base, self.modalities)
                raise ValueError(f"derived.{name}.base: {spec.base!r} is no modality that is read. {hint}")
            needed, units = BASE_CHANNELS[spec.kind], BASE_UNITS[spec.kind]
            if needed is not None and base.width != needed:
                raise ValueError(
                    f"derived.{name}: {spec.kind} needs {needed} channels, and {spec.base!r} has "
                    f"{base.width or 'no columns listed'}"
                )
            if units and UNITS[base.unit].si not in units:
                raise ValueError(
                    f"derived.{name}: {spec.kind} needs a base in {' or '.join(units)}, and {spec.base!r} is in "
                    f"{UNITS[base.unit].si}"
                )
        bases = {spec.base for spec in self.derived.values()}
        for name, modality in self.modalities.items():
            if not modality.keep and name not in bases:
                raise ValueError(f"modalities.{name}.keep: nothing is derived from it, so nothing would be left")
        return self

    @property
    def offered(self) -> list[str]:
        """The modalities that have records, sorted: those that are kept, and those derived."""
        return sorted([*(name for name, spec in self.modalities.items() if spec.keep), *self.derived])

    @model_validator(mode="after")
    def _labels_can_be_found(self) -> Self:
        table = self.labels.table
        if table is not None and (unknown := table.groups - self.identity.groups):
            raise ValueError(
                f"labels.table: its rows tell {', '.join(sorted(unknown))}, which identity.pattern does not: it has "
                f"the groups {', '.join(sorted(self.identity.groups)) or 'none'}"
            )
        return self


class Archive(Section):
    """A packed raw data set that ``mmbind fetch`` unpacks into ``data/raw/<source>/``."""

    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    #: Where people get it (a URL or a few words), named when it is missing.
    origin: str = ""
    #: Leading folders of the archive's paths that are cut off.
    strip: int = Field(default=0, ge=0)

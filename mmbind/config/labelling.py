"""``sources.<name>.labels`` and ``identity``: whose recordings they are, and what was going on."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mmbind.config.base import Section

#: Groups that patterns over paths may name.
GROUPS = ("subject", "device", "placement", "session", "label", "part")


def _groups_of(pattern: str) -> set[str]:
    """The named groups of a pattern.

    Raises:
        ValueError: when it is no regular expression, or names other groups than ``GROUPS``.
    """
    try:
        groups = set(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if groups - set(GROUPS):
        raise ValueError(f"unknown groups {sorted(groups - set(GROUPS))}; known: {sorted(GROUPS)}")
    return groups


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
    #: Who a subject is, by the name that all sources share: ``{a01: anna}``. For people whom
    #: several sources have, or one source under several names, so that no two roles get them.
    people: dict[str, str] = {}

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            _groups_of(value)
        return value

    @property
    def groups(self) -> set[str]:
        """The groups that every matching path may tell."""
        return set() if self.pattern is None else _groups_of(self.pattern)


class LabelTable(Section):
    """Labels that stand beside the logs: delimited tables with a row per recording or interval.

    A row belongs to the recordings whose paths tell the same groups: those of ``path``
    (searched in the table's own path), of ``patterns`` (searched in a column's text) and of
    ``columns`` (a column holds the group itself). Rows that belong to no recording are set
    aside. A recording with rows takes its labels from them alone; the others keep that of
    their path.
    """

    #: The tables below ``data/raw/<source>/``, as a glob; no log of the source may fit it.
    files: str
    #: One character between the columns; the first line names them.
    separator: str = Field(default=",", pattern=r"^[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]$")
    #: Regular expression over the table's path, where tables are per recording or per person.
    path: str | None = None
    #: Regular expressions over the texts of columns.
    patterns: dict[str, str] = {}
    #: Columns that hold a group as it is, by group.
    columns: dict[Literal["subject", "device", "placement", "session", "label", "part"], str] = {}
    #: Column of the label as logged; None: the label of the recording's path.
    label: str | None = None
    #: Columns of an interval's first moment and the moment behind it; both None: whole recordings.
    start: str | None = None
    stop: str | None = None
    unit: Literal["ns", "us", "ms", "s", "min", "h"] = "s"
    #: Whether times count from the recording's first reading or are those of its clock.
    origin: Literal["recording", "clock"] = "recording"

    @model_validator(mode="after")
    def _rows_can_be_told_apart(self) -> Self:
        for pattern in [*self.patterns.values(), *([] if self.path is None else [self.path])]:
            if not _groups_of(pattern):
                raise ValueError(f"{pattern!r} has no named group, e.g. (?P<subject>...)")
        if not (self.path or self.patterns or self.columns):
            raise ValueError("path, patterns or columns must say which recordings a row belongs to")
        if (self.start is None) != (self.stop is None):
            raise ValueError("start and stop go together")
        return self

    @property
    def groups(self) -> set[str]:
        """The groups that a row tells."""
        patterns = [*self.patterns.values(), *([] if self.path is None else [self.path])]
        return {group for pattern in patterns for group in _groups_of(pattern)} | set(self.columns)


class Labels(Section):
    """Where labels come from: the path's ``label`` group, a column of the file, or tables beside the logs."""

    #: Column (or JSON field) of the label; None: the path's ``label`` group, if it has one.
    column: str | None = None
    #: Tables beside the logs.
    table: LabelTable | None = None
    #: Names as logged to common names; an unmapped name is kept as it is.
    map: dict[str, str] = {}
    #: Names as logged that mean "no label".
    unlabelled: list[str] = [""]

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.column is not None and self.table is not None:
            raise ValueError("column and table: labels come from one of them")
        return self

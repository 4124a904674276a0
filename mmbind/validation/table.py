"""What a summary table is: the columns and scopes that a suite's rules can speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

#: Columns that every summary has; a text that does not apply is empty.
KEYS: dict[str, type[pl.DataType]] = {"scope": pl.String, "file": pl.String, "modality": pl.String, "unit": pl.String}


@dataclass(frozen=True)
class Table:
    """A kind of summary.

    Attributes:
        name: the name of its suites, e.g. ``records`` for ``records.json``.
        columns: its columns, ``KEYS`` first. A figure that a row does not have is null, and rules pass over nulls.
        scopes: what a row can be about.
        in_unit: columns that are measured in the row's unit.
    """

    name: str
    columns: Mapping[str, type[pl.DataType]]
    scopes: Sequence[str]
    in_unit: Sequence[str] = ()

    def fill(self, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
        """The table from rows; what a row does not say is null, or empty for a key."""
        filled = [{**dict.fromkeys(KEYS, ""), **row} for row in rows]
        return pl.DataFrame(filled, schema=dict(self.columns), orient="row").sort("scope", "modality", "file")

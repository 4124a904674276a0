"""What inspection reasons with: samples of files, and guesses with their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import polars as pl

#: Rows of a table that are looked at.
ROWS = 20_000

Value = TypeVar("Value")


@dataclass(frozen=True)
class Guess(Generic[Value]):
    """An answer.

    Attributes:
        value: the answer.
        why: what speaks for it, in a few words; empty when nobody would ask.
        sure: whether the data leave no other answer.
    """

    value: Value
    why: str = ""
    sure: bool = True


@dataclass(frozen=True)
class Table:
    """The first rows of one table of a file.

    Attributes:
        columns: by the name that the configuration uses: Float64, String, or moments.
        told: what a column is called where its name is but a position, by name.
        variable: the MATLAB variable or HDF5 dataset that holds all columns.
        time_axis: the axis of the variable that is time.
        sizes: of batches: how many readings each row of ``columns`` belongs with (its batch's
            size); None where rows are no batches.
        batch: of batches: the number of each row's batch.
    """

    columns: Mapping[str, pl.Series]
    told: Mapping[str, str] = field(default_factory=dict)
    variable: str | None = None
    time_axis: int = 0
    batch: pl.Series | None = None

    def called(self, column: str) -> str:
        """What a column is called."""
        return self.told.get(column, column)

    @property
    def height(self) -> int:
        """How many rows were looked at."""
        return max((len(column) for column in self.columns.values()), default=0)


@dataclass(frozen=True)
class Sample:
    """What was seen of one file.

    Attributes:
        path: below the folder that is inspected.
        reader: the section ``reader`` of the draft.
        tables: its tables; wide text has one.
        doubts: what the format leaves open.
    """

    path: str
    reader: Mapping[str, object]
    tables: list[Table]
    doubts: list[str] = field(default_factory=list)

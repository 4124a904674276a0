"""The store of results: four tables, one row or more per run, in the same bytes for equal runs.

A run is one training; :data:`KEYS` name it. The tables lie in a study's ``results/`` and are
committed: they are all that the page of results is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import polars as pl

from mmbind.errors import DataError, InputError, MmbindError
from mmbind.files import write_parquet
from mmbind.schema import Schema, conform

#: What names a run; ``ablation`` is empty for the parameters of the study itself.
KEYS = ("study", "task", "method", "ablation", "labels", "draw", "rotation", "seed")
_RUN: Schema = {
    "study": pl.String,
    "task": pl.String,
    "method": pl.String,
    "ablation": pl.String,
    "labels": pl.Int64,
    "draw": pl.String,
    "rotation": pl.String,
    "seed": pl.Int64,
}
#: One row per run. ``ece``: expected calibration error. ``purity``: share of its binding's pairs whose windows have
#: one true label, also where an ablation leaves them unused; null for methods without a binding. ``code``,
#: ``settings`` and ``data`` are digests of what trained it, of its parameters and of the bytes it read; ``digest`` is
#: that of everything.
RUNS: Schema = {
    **_RUN,
    "accuracy": pl.Float64,
    "macro_f1": pl.Float64,
    "ece": pl.Float64,
    "purity": pl.Float64,
    "code": pl.String,
    "settings": pl.String,
    "data": pl.String,
    "digest": pl.String,
}
#: Test windows by true and answered class; no row where there are none.
CONFUSIONS: Schema = {**_RUN, "actual": pl.String, "predicted": pl.String, "windows": pl.Int64}
#: Figures with a subset of the modalities, e.g. ``acc+gyro``, on the windows that have any of them.
MODALITIES: Schema = {
    **_RUN,
    "modalities": pl.String,
    "windows": pl.Int64,
    "accuracy": pl.Float64,
    "macro_f1": pl.Float64,
}
#: Bins of equal width in which probabilities are held against the truth.
BINS = 10
#: Test windows by the probability of their answer, in these bins: its mean, and the share that is right.
RELIABILITY: Schema = {
    **_RUN,
    "bin": pl.Int64,
    "windows": pl.Int64,
    "confidence": pl.Float64,
    "right": pl.Float64,
}
_SCHEMAS = {"runs": RUNS, "confusions": CONFUSIONS, "modalities": MODALITIES, "reliability": RELIABILITY}


@dataclass(frozen=True)
class Results:
    """Results of some runs.

    Attributes:
        runs: :data:`RUNS`, one row per run.
        confusions: :data:`CONFUSIONS`.
        modalities: :data:`MODALITIES`.
        reliability: :data:`RELIABILITY`.
    """

    runs: pl.DataFrame
    confusions: pl.DataFrame
    modalities: pl.DataFrame
    reliability: pl.DataFrame

    @classmethod
    def of(cls, **rows: Sequence[dict[str, Any]]) -> Self:
        """Results from rows by table; tables that are not named are empty."""
        frames = {
            name: pl.DataFrame(rows.get(name, []), schema=dict(schema), orient="row")
            for name, schema in _SCHEMAS.items()
        }
        return cls(**frames)._sorted()

    @classmethod
    def joined(cls, parts: Iterable[Results]) -> Self:
        """Results of different runs together."""
        held = [cls.of(), *parts]
        return cls(**{name: pl.concat(getattr(part, name) for part in held) for name in _SCHEMAS})._sorted()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The results in a folder; none when it has no ``runs.parquet``.

        Raises:
            DataError: when a table is missing, is no Parquet file, or has other columns.
        """
        if not (folder / "runs.parquet").is_file():
            return cls.of()
        frames = {}
        for name, schema in _SCHEMAS.items():
            path = folder / f"{name}.parquet"
            if not path.is_file():
                raise DataError("is missing beside runs.parquet.", path=path, hint="The four tables belong together.")
            try:
                frames[name] = conform(pl.read_parquet(path), schema, table=name)
            except (pl.exceptions.PolarsError, MmbindError) as error:
                raise DataError(f"is no table of results: {error}", path=path) from None
        return cls(**frames)._of_runs(frames["runs"])

    def write(self, folder: Path) -> None:
        """Writes the four tables, each whole and ``runs`` last; equal results give equal bytes."""
        ordered = self._sorted()
        for name in reversed(_SCHEMAS):
            write_parquet(folder / f"{name}.parquet", getattr(ordered, name))

    def only(self, expression: pl.Expr) -> Results:
        """The runs for which an expression over :data:`RUNS` holds."""
        return self._of_runs(self.runs.filter(expression))

    def updated(self, newer: Results) -> Results:
        """These results, with runs of ``newer`` in the place of those of the same name."""
        kept = self._of_runs(self.runs.join(newer.runs, on=list(KEYS), how="anti"))
        return Results.joined([kept, newer])

    def merged(self, other: Results, origin: str = "the other results") -> Results:
        """These results and others; a run that both have must be the same in both.

        Args:
            other: the others.
            origin: where they come from, for the error.

        Raises:
            InputError: when a run has other values there; names it, and what differs.
        """
        both = self.runs.join(other.runs, on=list(KEYS), how="inner", suffix="_other").sort(KEYS)
        for row in both.iter_rows(named=True):
            for column in RUNS:
                if column not in KEYS and row[column] != row[f"{column}_other"]:
                    raise _conflict(row, f"{column} is {row[column]} here and {row[f'{column}_other']}", origin)
        common = both.select(KEYS)
        mine, theirs = self._of_runs(common), other._of_runs(common)
        for name in _SCHEMAS:
            ours, others = getattr(mine, name), getattr(theirs, name)
            if not ours.equals(others):
                keys = list(KEYS)
                different = ours.join(others, on=ours.columns, how="anti", nulls_equal=True).select(keys)
                different = different.vstack(
                    others.join(ours, on=ours.columns, how="anti", nulls_equal=True).select(keys)
                )
                raise _conflict(different.sort(keys).row(0, named=True), f"its {name} differ from those", origin)
        return self.updated(other)

    def _of_runs(self, runs: pl.DataFrame) -> Self:
        """The rows of all tables that belong to some runs."""
        kept = {
            name: getattr(self, name).join(runs.select(KEYS).unique(), on=list(KEYS), how="semi") for name in _SCHEMAS
        }
        return type(self)(**kept)._sorted()

    def _sorted(self) -> Self:
        """All tables in one order, whatever the order of the runs was."""
        ordered = {
            name: getattr(self, name).sort([*KEYS, *(c for c in schema if c not in KEYS)], nulls_last=True).rechunk()
            for name, schema in _SCHEMAS.items()
        }
        return type(self)(**ordered)


def _conflict(run: dict[str, Any], why: str, origin: str) -> InputError:
    name = ", ".join(f"{key} {run[key]}" for key in KEYS if run[key] != "")
    return InputError(
        f"The run of {name}: {why} in {origin}.",
        hint="One run has one result: train it again where it is out of date ('mmbind results run'), then merge.",
    )

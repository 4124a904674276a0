"""Which stored runs another version of the code was found to give, to the last digit.

A check trains some stored runs again. Where all of a kind come out the same, their results
stand for the present code, too; the table says so, run by run.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from mmbind.errors import DataError, MmbindError
from mmbind.files import write_parquet
from mmbind.reports.results.tables import KEYS, RUNS
from mmbind.schema import Schema, conform

#: One row per stored run. ``digest``: the stored one. ``same_as``: that which the run has by the code
#: ``code``. ``tried``: whether this very run was trained again, or others of its kind.
CHECKS: Schema = {
    **{name: RUNS[name] for name in KEYS},
    "digest": pl.String,
    "same_as": pl.String,
    "code": pl.String,
    "tried": pl.Boolean,
}
FILE = "checks.parquet"


def read_checks(folder: Path) -> pl.DataFrame:
    """The checks of the results in a folder (:data:`CHECKS`); none when there is no such table.

    Raises:
        DataError: when it is no such table.
    """
    path = folder / FILE
    if not path.is_file():
        return pl.DataFrame(schema=dict(CHECKS))
    try:
        return conform(pl.read_parquet(path), CHECKS, table="checks")
    except (pl.exceptions.PolarsError, MmbindError) as error:
        raise DataError(f"is no table of checks: {error}", path=path, hint="Remove it, and check again.") from None


def write_checks(folder: Path, checks: pl.DataFrame, runs: pl.DataFrame) -> None:
    """Writes checks, those of runs that are still stored; the same checks give the same bytes.

    Args:
        folder: of the results.
        checks: :data:`CHECKS`; of two rows of one run and one digest the last counts, but tried remains tried.
        runs: the stored runs.
    """
    held = checks.join(runs.select(*KEYS, "digest"), on=[*KEYS, "digest"], how="semi")
    held = held.with_columns(pl.col("tried").max().over(*KEYS, "digest", "same_as", "code"))
    one_each = held.unique([*KEYS, "same_as"], keep="last", maintain_order=True).sort(*KEYS, "same_as")
    write_parquet(folder / FILE, conform(one_each, CHECKS, table="checks"))


def checked(runs: pl.DataFrame, checks: pl.DataFrame, code: str) -> pl.DataFrame:
    """The checks of some runs against a version of the code (:data:`CHECKS`), one row per run.

    A run has several where also the code that binds, which is no part of that version, was another one.
    """
    held = checks.filter(pl.col("code") == code).join(runs.select(*KEYS, "digest"), on=[*KEYS, "digest"], how="semi")
    return held.sort("tried", descending=True).unique([*KEYS], keep="first").sort(*KEYS)

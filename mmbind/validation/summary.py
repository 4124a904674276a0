"""The summary that suites judge: one small table of rows about files, modalities and the source.

=========  ==================================================  ====================
scope      a row is about                                      file, modality, unit
=========  ==================================================  ====================
file       a file's readings of one modality                   all set
file       a file as a whole, where something was wrong        modality empty
modality   all readings of one modality                        file empty
source     the source as a whole                               all empty
=========  ==================================================  ====================

A figure that a row does not have is null, and rules pass over nulls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from mmbind.sources.sift import BACKWARD_TIME, DUPLICATE_TIME
from mmbind.sources.sound import NOT_FINITE
from mmbind.validation.conservation import manifest_counts
from mmbind.validation.measure import channels_of

#: What a row can be about.
SCOPES = ("file", "modality", "source")
#: Shares of rows read that a quarantine rule set aside, by column.
CAUSES = {
    "duplicate_share": DUPLICATE_TIME,
    "backward_share": BACKWARD_TIME,
    "not_finite_share": NOT_FINITE,
}
#: Columns that are measured in the modality's unit.
IN_UNIT = ("min", "max", "abs_max", "typical_magnitude", "rest_magnitude", "rest_spread")
#: The table's columns.
SUMMARY: dict[str, type[pl.DataType]] = {
    "scope": pl.String,
    "file": pl.String,
    "modality": pl.String,
    "unit": pl.String,
    #: Rows by fate, and the quarantined share of the rows read.
    "rows_read": pl.Int64,
    "rows_kept": pl.Int64,
    "rows_quarantined": pl.Int64,
    "quarantine_share": pl.Float64,
    **dict.fromkeys(CAUSES, pl.Float64),
    #: Share of files that could not be read (1 for such a file).
    "unreadable_share": pl.Float64,
    #: Remarks in the quarantine about a file as a whole that was read, e.g. a missing column.
    "remarks": pl.Int64,
    #: Kept values that are missing or not finite; kept readings not later than the one before.
    "nulls": pl.Int64,
    "unordered": pl.Int64,
    #: Readings per second inside recordings, and its ratio to the rate declared, or else to
    #: the median of the source's files.
    "rate_hz": pl.Float64,
    "rate_ratio": pl.Float64,
    "largest_gap_s": pl.Float64,
    "min": pl.Float64,
    "max": pl.Float64,
    "abs_max": pl.Float64,
    "constant_channels": pl.Int64,
    #: Of triaxial vectors: median length, over all readings and over the quietest 0.5 s windows
    #: (of a modality: the median of its files), and the range of the length in those windows.
    "typical_magnitude": pl.Float64,
    "rest_magnitude": pl.Float64,
    "rest_spread": pl.Float64,
}


def summarise(
    manifest: Mapping[str, Any], quarantine: pl.DataFrame, measured: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """Builds the summary of a source.

    Args:
        manifest: what ingest states of the source.
        quarantine: its quarantine table.
        measured: per declared modality, the table of :func:`mmbind.validation.measure.measure`.

    Returns:
        A table with the columns of ``SUMMARY``, sorted by scope, modality and file.
    """
    modalities = sorted(measured)
    counts = _counts(manifest, quarantine)
    figures = [_of_files(manifest["modalities"].get(name, {}), measured[name]) for name in modalities]
    files = counts.join(
        pl.concat(
            [frame.with_columns(modality=pl.lit(name)) for name, frame in zip(modalities, figures, strict=True)],
            how="diagonal",
        ),
        on=["file", "modality"],
        how="left",
    )
    rows = [files.with_columns(scope=pl.lit("file"))]
    for name in modalities:
        declared = manifest["modalities"].get(name, {}).get("rate_hz")
        rows.append(_of_modality(files.filter(modality=name), measured[name], name, declared))
    rows += [_as_a_whole(manifest, quarantine), _of_source(files, manifest)]
    units = {name: entry["unit"] for name, entry in manifest["modalities"].items()}
    table = pl.concat(rows, how="diagonal_relaxed").with_columns(
        unit=pl.col("modality").replace_strict(units, default="", return_dtype=pl.String)
    )
    read = pl.col("rows_read")
    share = pl.when(read > 0).then(pl.col("rows_quarantined") / read)
    causes = [pl.when(read > 0).then(pl.col(column) / read).alias(column) for column in CAUSES]
    table = table.with_columns(share.alias("quarantine_share"), *causes)
    keys = pl.col("file", "modality").fill_null("")
    missing = [pl.lit(None).alias(name) for name in SUMMARY if name not in table.columns]
    table = table.with_columns(keys, *missing).select(pl.col(name).cast(dtype) for name, dtype in SUMMARY.items())
    return table.sort("scope", "modality", "file")


def figures_of(summary: pl.DataFrame) -> dict[str, Any]:
    """The figures of the source and of its modalities, as a judgement reports them."""
    figures: dict[str, Any] = {"modalities": {}}
    for row in summary.filter(pl.col("scope") != "file").iter_rows(named=True):
        known = {name: rounded(value) for name, value in row.items() if name not in ("scope", "file", "modality")}
        known = {name: value for name, value in known.items() if value not in (None, "")}
        if row["scope"] == "source":
            figures |= known
        else:
            figures["modalities"][row["modality"]] = known
    return figures


def rounded(value: Any) -> Any:
    """A float to six significant digits; anything else as it is."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _counts(manifest: Mapping[str, Any], quarantine: pl.DataFrame) -> pl.DataFrame:
    """Rows by fate per file and modality: the manifest's counts and the quarantine by cause."""
    keys = ["file", "modality"]
    causes = quarantine.group_by(keys).agg(
        (pl.col("rule") == rule).sum().cast(pl.Float64).alias(column) for column, rule in CAUSES.items()
    )
    return (
        manifest_counts(manifest)
        .rename({"read": "rows_read", "kept": "rows_kept", "quarantined": "rows_quarantined"})
        .join(causes, on=keys, how="left")
        .with_columns(pl.col(*CAUSES).fill_null(0.0))
    )


def _of_files(entry: Mapping[str, Any], measured: pl.DataFrame) -> pl.DataFrame:
    """Turns measures into the summary's columns; ``entry`` is the modality's in the manifest."""
    channels = channels_of(measured)
    if not channels:
        return pl.DataFrame(schema={"file": pl.String})
    rate = pl.when(pl.col("duration_ns") > 0).then(pl.col("steps") * 1e9 / pl.col("duration_ns"))
    declared = entry.get("rate_hz")
    return (
        measured.drop_nulls("file")
        .with_columns(rate_hz=rate)
        .select(
            "file",
            "nulls",
            "unordered",
            "rate_hz",
            (pl.col("rate_hz") / (pl.lit(declared) if declared else pl.col("rate_hz").median())).alias("rate_ratio"),
            (pl.col("largest_step_ns") / 1e9).alias("largest_gap_s"),
            *_extremes(channels),
            "typical_magnitude",
            "rest_magnitude",
            "rest_spread",
        )
    )


def _extremes(channels: Iterable[str]) -> list[pl.Expr]:
    """Least and greatest values, and how many channels never change, from min and max by channel."""
    names = list(channels)
    least = pl.min_horizontal(f"min:{name}" for name in names).cast(pl.Float64)
    greatest = pl.max_horizontal(f"max:{name}" for name in names).cast(pl.Float64)
    same = pl.sum_horizontal((pl.col(f"min:{n}") == pl.col(f"max:{n}")).cast(pl.Int64) for n in names)
    return [
        least.alias("min"),
        greatest.alias("max"),
        pl.max_horizontal(least.abs(), greatest.abs()).alias("abs_max"),
        pl.when(pl.col("kept") > 1).then(same).alias("constant_channels"),
    ]


def _of_modality(files: pl.DataFrame, measured: pl.DataFrame, name: str, declared: float | None) -> pl.DataFrame:
    """One row about a modality; ``rows_kept`` is 0 where the source has no readings of it."""
    row = files.select(
        pl.lit("modality").alias("scope"),
        pl.lit(name).alias("modality"),
        pl.col("rows_read", "rows_kept", "rows_quarantined", *CAUSES).sum(),
    )
    channels = channels_of(measured)
    if not channels:
        return row
    steps, duration = pl.col("steps").sum(), pl.col("duration_ns").sum()
    over_all = measured.select(
        pl.col("kept", "nulls", "unordered").sum(),
        pl.when(duration > 0).then(steps * 1e9 / duration).alias("rate_hz"),
        (pl.col("largest_step_ns").max() / 1e9).alias("largest_gap_s"),
        *(pl.col(f"min:{channel}").min() for channel in channels),
        *(pl.col(f"max:{channel}").max() for channel in channels),
        pl.col("typical_magnitude", "rest_magnitude", "rest_spread").median(),
    ).with_columns(rate_ratio=pl.col("rate_hz") / declared if declared else None)
    extremes = over_all.select(_extremes(channels))
    return pl.concat([row, over_all.drop("kept", "^(min|max):.*$"), extremes], how="horizontal")


def _as_a_whole(manifest: Mapping[str, Any], quarantine: pl.DataFrame) -> pl.DataFrame:
    """A row per file that the quarantine names as a whole: unreadable, or with remarks."""
    unreadable = [file for file, entry in manifest["files"].items() if entry["status"] == "unreadable"]
    noted = quarantine.filter(pl.col("modality").is_null()).group_by("file").len("remarks").sort("file")
    lost = pl.col("file").is_in(unreadable)
    return noted.select(
        "file",
        pl.lit("file").alias("scope"),
        pl.lit("").alias("modality"),
        pl.when(lost).then(1.0).alias("unreadable_share"),
        pl.when(~lost).then("remarks").alias("remarks"),
    )


def _of_source(files: pl.DataFrame, manifest: Mapping[str, Any]) -> pl.DataFrame:
    unreadable = sum(entry["status"] == "unreadable" for entry in manifest["files"].values())
    return files.select(
        pl.lit("source").alias("scope"),
        pl.lit("").alias("modality"),
        pl.lit(unreadable / max(len(manifest["files"]), 1)).alias("unreadable_share"),
        pl.col("rows_read", "rows_kept", "rows_quarantined", *CAUSES).sum(),
    )

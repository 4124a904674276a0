"""Building the summary of a source from what was measured; its rows and columns are in ``columns``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from mmbind.validation.columns import CAUSES, SUMMARY
from mmbind.validation.conservation import manifest_counts
from mmbind.validation.copies import shares
from mmbind.validation.measure import channels_of
from mmbind.validation.survey import Survey

#: Faults of a modality that are shares of its readings.
_SHARES = ("clipped_share", "spike_share", "gap_share")


def summarise(manifest: Mapping[str, Any], quarantine: pl.DataFrame, found: Survey) -> pl.DataFrame:
    """Builds the summary of a source.

    Args:
        manifest: what ingest states of the source.
        quarantine: its quarantine table.
        found: what was measured.

    Returns:
        A table with the columns of ``SUMMARY``, sorted by scope, modality and file.
    """
    modalities = sorted(found.measured)
    counts = _counts(manifest, quarantine)
    figures = [_of_files(manifest["modalities"].get(name, {}), name, found) for name in modalities]
    files = counts.join(
        pl.concat(
            [frame.with_columns(modality=pl.lit(name)) for name, frame in zip(modalities, figures, strict=True)],
            how="diagonal",
        ),
        on=["file", "modality"],
        how="left",
    ).join(shares(found.copies), on=["file", "modality"], how="left")
    rows = [files.with_columns(scope=pl.lit("file"))]
    for name in modalities:
        declared = manifest["modalities"].get(name, {}).get("rate_hz")
        rows.append(_of_modality(files.filter(modality=name), found, name, declared))
    rows += [_as_a_whole(manifest, quarantine), _of_source(files, manifest)]
    units = {name: entry["unit"] for name, entry in manifest["modalities"].items()}
    channels = {name: len(entry["channels"]) for name, entry in manifest["modalities"].items()}
    modality = pl.col("modality")
    table = pl.concat(rows, how="diagonal_relaxed").with_columns(
        unit=modality.replace_strict(units, default="", return_dtype=pl.String),
        kind=modality.replace_strict(dict(found.kinds), default="", return_dtype=pl.String),
        channels=modality.replace_strict(channels, default=None, return_dtype=pl.Int64),
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
    """The figures of the whole and of its modalities (or loans), as a judgement reports them."""
    figures: dict[str, Any] = {"modalities": {}}
    for row in summary.filter(pl.col("scope") != "file").iter_rows(named=True):
        known = {name: rounded(value) for name, value in row.items() if name not in ("scope", "file", "modality")}
        known = {name: value for name, value in known.items() if value not in (None, "")}
        if not row["modality"]:
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


def _of_files(entry: Mapping[str, Any], name: str, found: Survey) -> pl.DataFrame:
    """Turns measures into the summary's columns; ``entry`` is the modality's in the manifest."""
    measured = found.measured[name]
    channels = channels_of(measured)
    if not channels:
        return pl.DataFrame(schema={"file": pl.String})
    turns = found.turnings[name].files if name in found.turnings else pl.DataFrame(schema={"file": pl.String})
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
        .join(found.faults[name], on="file", how="left")
        .join(turns, on="file", how="left")
        .join(found.poses.get(name, pl.DataFrame(schema={"file": pl.String})), on="file", how="left")
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


def _of_modality(files: pl.DataFrame, found: Survey, name: str, declared: float | None) -> pl.DataFrame:
    """One row about a modality; ``rows_kept`` is 0 where the source has no readings of it."""
    row = files.select(
        pl.lit("modality").alias("scope"),
        pl.lit(name).alias("modality"),
        pl.col("rows_read", "rows_kept", "rows_quarantined", *CAUSES).sum(),
    )
    measured = found.measured[name]
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
    turns = found.turnings[name].figures if name in found.turnings else {}
    more = files.select(
        *_faults_of_all(),
        *(pl.lit(figure).alias(column) for column, figure in turns.items()),
    )
    return pl.concat([row, over_all.drop("kept", "^(min|max):.*$"), extremes, more.head(1)], how="horizontal")


def _faults_of_all() -> list[pl.Expr]:
    """A modality's faults from those of its files."""
    kept = pl.col("rows_kept")
    return [
        pl.col("mean_magnitude", "extent").median(),
        pl.col("least_magnitude").min(),
        pl.col("greatest_magnitude", "frozen_s").max(),
        pl.col("spikes").sum(),
        *((pl.col(name) * kept).sum() / kept.filter(pl.col(name).is_not_null()).sum() for name in _SHARES),
    ]


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

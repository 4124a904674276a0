"""Derived modalities of a source's records, shard by shard."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmbind.config import DerivedModality, Source
from mmbind.errors import MmbindError
from mmbind.files import canonical_json, write_parquet
from mmbind.schema import QUARANTINE
from mmbind.sources.derive.kinds import channels_of, derive
from mmbind.sources.rules import NOT_DERIVABLE
from mmbind.sources.stated import columns_of, stated


@dataclass(frozen=True)
class DerivedTables:
    """The small tables of a source with its derived modalities.

    Attributes:
        recordings: with ``file_<derived>``: the file of the base's readings.
        quarantine: with what could not be derived.
        files: entries of the manifest, with the counts of derived modalities.
    """

    recordings: pl.DataFrame
    quarantine: pl.DataFrame
    files: dict[str, dict[str, Any]]


def derive_records(
    folder: Path,
    source: Source,
    channels: Mapping[str, list[str]],
    tables: DerivedTables,
    *,
    earlier: Path | None = None,
    held: Collection[str] = (),
) -> DerivedTables:
    """Adds the derived modalities to the records in a folder.

    Every reading of the base gives one reading of the derived modality at the same time, or a
    row of the quarantine. A base that is not kept hands all it has on: its counts and its rows
    of the quarantine become those of the modalities derived from it, and its own records are
    removed.

    Args:
        folder: the new records, with all shards of the modalities that were read.
        source: its configuration.
        channels: channel names by modality that was read.
        tables: the small tables without what is derived this time.
        earlier: records of an earlier run with the same recipe, None when nothing of them holds.
        held: recordings that were not read this time; what was derived of them earlier is taken
            over, and ``tables`` tell of it already.

    Raises:
        MmbindError: when readings were not conserved.
    """
    recordings, quarantine, files = tables.recordings, tables.quarantine, tables.files
    taken = set(held) & set(recordings["recording"])
    for name, spec in sorted(source.derived.items()):
        moved = not source.modalities[spec.base].keep
        columns = columns_of(stated(source, name, channels))
        fates = _Job(folder, name, spec, channels[spec.base], columns, earlier, taken).run()
        recordings = _with_origin(recordings, name, spec.base, fates, taken)
        fates = fates.join(recordings.select("recording", file=f"file_{spec.base}"), on="recording", how="left")
        quarantine = _with_refusals(quarantine, fates, name, spec.base, moved=moved)
        files = _with_counts(files, fates, name, spec.base, moved=moved)
    for name, modality in source.modalities.items():
        if not modality.keep:
            files = {path: _without(entry, name) for path, entry in files.items()}
            quarantine = quarantine.filter(pl.col("modality").is_null() | (pl.col("modality") != name))
            shutil.rmtree(folder / name, ignore_errors=True)
    return DerivedTables(recordings, quarantine, files)


@dataclass(frozen=True)
class _Job:
    """One derived modality of a folder of records.

    Attributes:
        folder: the records.
        name: the derived modality.
        spec: how it is derived.
        base: channel names of the base.
        columns: metadata of the derived columns.
        earlier: earlier records.
        taken: recordings whose derived readings are taken over from there.
    """

    folder: Path
    name: str
    spec: DerivedModality
    base: list[str]
    columns: Mapping[str, Mapping[str, str]]
    earlier: Path | None
    taken: set[str]

    def run(self) -> pl.DataFrame:
        """Writes all shards; returns per recording derived now: read, kept, and refused (list of struct)."""
        before = set() if self.earlier is None or not self.taken else _shards(self.earlier / self.name)
        return pl.concat(
            [_no_fates(), *(self._shard(shard) for shard in sorted(_shards(self.folder / self.spec.base) | before))]
        )

    def _shard(self, shard: str) -> pl.DataFrame:
        pieces: dict[str, pl.DataFrame] = {}
        rows: list[tuple[str, int, int, list[dict[str, str]]]] = []
        path = self.folder / self.spec.base / shard
        if path.is_file():
            fresh = pl.read_parquet(path, glob=False).filter(~pl.col("recording").is_in(sorted(self.taken)))
            for recording, base in _by_recording(fresh).items():
                pieces[recording], refused = self._derive(recording, base)
                rows.append((recording, base.height, pieces[recording].height, refused))
        if self.earlier is not None and self.taken and (old := self.earlier / self.name / shard).is_file():
            frame = pl.read_parquet(old, glob=False).filter(pl.col("recording").is_in(sorted(self.taken)))
            pieces |= _by_recording(frame)
        found = [piece for _, piece in sorted(pieces.items()) if piece.height]
        if found:
            write_parquet(self.folder / self.name / shard, pl.concat(found, rechunk=True), self.columns)
        return pl.DataFrame(rows, schema=_no_fates().schema, orient="row")

    def _derive(self, recording: str, base: pl.DataFrame) -> tuple[pl.DataFrame, list[dict[str, str]]]:
        outcome = derive(self.spec, base["t_ns"].to_numpy(), base.select(self.base).to_numpy())
        if outcome.sound.shape != (base.height,):
            raise MmbindError(f"{self.name}: {base.height} readings of {self.spec.base} gave {len(outcome.sound)}.")
        names = channels_of(self.spec, self.base)
        piece = base.select("recording", "t_ns").with_columns(
            pl.Series(channel, outcome.values[:, number]) for number, channel in enumerate(names)
        )
        lost = base.filter(pl.Series(~outcome.sound)).drop("recording")
        reason = f"from {self.spec.base}: {outcome.reason}"
        refused = [{"raw": _told(row), "reason": reason} for row in lost.iter_rows(named=True)]
        return piece.filter(pl.Series(outcome.sound)), refused


def _told(reading: dict[str, Any]) -> str:
    """A reading of the base as JSON, SI units."""
    return canonical_json({key: value if np.isfinite(value) else str(value) for key, value in reading.items()})


def _no_fates() -> pl.DataFrame:
    refused = pl.List(pl.Struct({"raw": pl.String, "reason": pl.String}))
    return pl.DataFrame(schema={"recording": pl.String, "read": pl.Int64, "kept": pl.Int64, "refused": refused})


def _shards(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.parquet")}


def _by_recording(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {piece["recording"][0]: piece for piece in frame.partition_by("recording", maintain_order=True)}


def _with_origin(recordings: pl.DataFrame, name: str, base: str, fates: pl.DataFrame, taken: set[str]) -> pl.DataFrame:
    """The table of recordings with the file of the derived modality; of those taken over it is told."""
    has = pl.col("recording").is_in(fates.filter(pl.col("kept") > 0)["recording"].to_list())
    told = pl.when(pl.col("recording").is_in(sorted(taken))).then(pl.col(f"file_{name}"))
    return recordings.with_columns(pl.when(has).then(pl.col(f"file_{base}")).otherwise(told).alias(f"file_{name}"))


def _with_refusals(quarantine: pl.DataFrame, fates: pl.DataFrame, name: str, base: str, *, moved: bool) -> pl.DataFrame:
    """The quarantine with what could not be derived now and, of a base that is not kept, what it lost before."""
    lost = (
        fates.explode("refused", empty_as_null=True)
        .drop_nulls("refused")
        .unnest("refused")
        .with_columns(
            pl.col("raw").cast(pl.Binary),
            line=pl.lit(None, dtype=pl.Int64),
            modality=pl.lit(name),
            rule=pl.lit(NOT_DERIVABLE),
        )
    )
    handed = quarantine.filter(pl.col("modality") == base).with_columns(modality=pl.lit(name))
    together = [quarantine, lost, *([handed] if moved else [])]
    return pl.concat([frame.select(*QUARANTINE) for frame in together]).sort(
        "file", "line", "modality", "rule", maintain_order=True
    )


def _with_counts(
    files: Mapping[str, dict[str, Any]], fates: pl.DataFrame, name: str, base: str, *, moved: bool
) -> dict[str, dict[str, Any]]:
    """The manifest's entries with the counts of a derived modality."""
    sums = (
        fates.with_columns(refused=pl.col("refused").list.len().cast(pl.Int64))
        .group_by("file")
        .agg(pl.col("read", "kept", "refused").sum())
    )
    found = {row["file"]: row for row in sums.iter_rows(named=True)}
    counted = {}
    for path, entry in files.items():
        before = entry["modalities"].get(base)
        if before is None or name in entry["modalities"]:
            counted[path] = entry
            continue
        own = found.get(path, {"read": 0, "kept": 0, "refused": 0})
        if own["read"] != before["kept"] or own["read"] != own["kept"] + own["refused"]:
            raise MmbindError(
                f"{path}: of {before['kept']} readings of {base}, {own['kept']} gave {name} and "
                f"{own['refused']} did not.",
                hint="This is a defect of mmbind; please report it with the file.",
            )
        lost = before["quarantined"] if moved else 0
        counts = {"read": own["read"] + lost, "kept": own["kept"], "quarantined": own["refused"] + lost}
        status = "partial" if own["refused"] and entry["status"] == "ok" else entry["status"]
        counted[path] = {**entry, "status": status, "modalities": {**entry["modalities"], name: counts}}
    return counted


def _without(entry: dict[str, Any], name: str) -> dict[str, Any]:
    return {**entry, "modalities": {key: value for key, value in entry["modalities"].items() if key != name}}

"""The stage ingest: raw logs in, records in SI units and a quarantine out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl

from mmbind.config import Source
from mmbind.errors import InputError, nearest
from mmbind.files import whole_folder, write_json, write_parquet
from mmbind.sources.contents import Contents, read_known, write_known
from mmbind.sources.conversion import check_frames
from mmbind.sources.discover import Discovered, discover
from mmbind.sources.earlier import Earlier, recipe_digest
from mmbind.sources.ingest_job import Job, Tables
from mmbind.sources.ingest_summary import IngestSummary
from mmbind.sources.label_tables import read_label_tables
from mmbind.sources.readers import count_columns
from mmbind.sources.releases import Releases
from mmbind.sources.rules import MISSING_COLUMN
from mmbind.sources.stated import stated
from mmbind.study import Study


def ingest(study: Study, source: str, *, complete: bool = True) -> IngestSummary:
    """Reads a source's raw logs into ``study.records(source)``.

    Files that have not changed since the last run, with the same configuration and code,
    keep their rows and are not read again. The outcome is the same, byte for byte, as that
    of a run from nothing. Large sources are read by processes of their own, so a script that
    calls this needs the usual ``if __name__ == "__main__"``.

    Args:
        study: the study.
        source: the source's name.
        complete: whether a modality whose columns no file has is an error of the configuration;
            False where files may lack modalities (new logs of a trained model).

    Raises:
        InputError: for an unknown source, a glob or pattern that fits no file, or a column
            that no file has.
        DataError: when a file cannot be opened.
        MmbindError: when rows were not conserved.
    """
    if source not in study.params.sources:
        raise InputError(f"Unknown source {source!r}.", hint=nearest(source, study.params.sources))
    config, raw = study.params.sources[source], study.raw(source)
    if not raw.is_dir():
        raise InputError(
            f"{raw} is missing: the source {source!r} has no raw files.",
            hint="Land them there, or run 'mmbind demo' or 'mmbind fetch'.",
        )
    found = discover(raw, source, config)
    check_frames(config, source, found.worn)
    marked = read_label_tables(raw, source, config, found.recordings)
    found = replace(found, recordings=marked.recordings)
    work = study.work("ingest") / source
    channels = _channels(raw, config, found)
    recipe = recipe_digest(config, channels)
    earlier = Earlier.find(study.records(source), recipe)
    with Contents(raw, found.stamps, read_known(work / "stamps.json", found.stamps)) as contents:
        released, outdated = Releases.of(study.root).holding(source, contents)
        found = found.with_releases(released)
        job = Job(source, config, raw, found, contents, channels, recipe, earlier, work / "shards")
        job.read()
        with whole_folder(study.records(source)) as folder:
            tables = job.write(folder)
            if complete:
                _check_columns(tables, config, source)
            tables = job.derive(folder, tables).beside(marked.quarantine)
            counts = tables.counts()
            manifest = {
                "source": source,
                "recipe": recipe,
                "modalities": {name: stated(config, name, channels) for name in config.offered},
                "files": tables.files,
                "counts": counts,
                **({"label_tables": marked.tables} if marked.tables else {}),
                **({"outdated_releases": [release.entry() for release in outdated]} if outdated else {}),
            }
            write_json(folder / "manifest.json", manifest)
            for name, table in (("recordings", tables.recordings), ("labels", tables.labels)):
                write_parquet(folder / f"{name}.parquet", table)
            write_parquet(folder / "quarantine.parquet", tables.quarantine)
        write_known(work / "stamps.json", contents, found.stamps)
        shutil.rmtree(work / "shards", ignore_errors=True)
    return IngestSummary(
        source=source,
        files=len(found.paths),
        read=sum(len(recording.files) for shard in job.undone for recording in job.stale_of(shard)),
        hashed=contents.hashed,
        removed=sorted(set(earlier.manifest["files"]) - set(found.paths)) if earlier else [],
        recordings=counts["recordings"],
        kept=counts["kept"],
        quarantined=counts["quarantined"],
        rules=counts["rules"],
        passed=counts["passed"],
        released=counts.get("released", 0),
        corrected=counts.get("corrected", 0),
        outdated=[f"{release.file}:{release.line}" for release in outdated],
    )


def _channels(raw: Path, config: Source, found: Discovered) -> dict[str, list[str]]:
    """Channel names by modality; where only the files tell how many, the first that can be read does."""
    names = {}
    for name, spec in config.modalities.items():
        count = len(spec.columns)
        if not spec.channels and not spec.columns:
            paths = sorted(p for recording in found.recordings for p, names in recording.files.items() if name in names)
            count = next((number for p in paths if (number := count_columns(raw / p, config, spec))), 0)
        names[name] = spec.channels or [f"c{number}" for number in range(count)]
    return names


def _check_columns(tables: Tables, config: Source, source: str) -> None:
    """Refuses a configuration that names a column which no file has.

    Raises:
        InputError: with the nearest column of one of the files.
    """
    for name in sorted(config.modalities):
        names = {name, *(derived for derived, spec in config.derived.items() if spec.base == name)}
        if any(names & set(entry["modalities"]) for entry in tables.files.values()):
            continue
        reasons = tables.quarantine.filter(
            (pl.col("rule") == MISSING_COLUMN) & pl.col("reason").str.starts_with(f"{name}: ")
        )
        if reasons.height:
            file, reason = reasons.select("file", "reason").row(0)
            raise InputError(
                f"No file of {source!r} has what sources.{source}.modalities.{name} names; {file}: {reason}"
            )

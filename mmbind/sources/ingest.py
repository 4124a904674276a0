"""The stage ingest: raw logs in, records in SI units and a quarantine out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.config import Source
from mmbind.errors import DataError, InputError, nearest
from mmbind.files import sha256_file, whole_folder, write_json, write_parquet
from mmbind.progress import progress
from mmbind.schema import LABELS, QUARANTINE, empty
from mmbind.sources.conversion import check_frames
from mmbind.sources.derive import DerivedTables, derive_records
from mmbind.sources.discover import Discovered, RecordingFiles, discover
from mmbind.sources.earlier import Earlier, recipe_digest
from mmbind.sources.label_tables import read_label_tables
from mmbind.sources.readers import count_columns
from mmbind.sources.recording import RecordingRows, read_recording, recordings_schema
from mmbind.sources.releases import Releases
from mmbind.sources.shards import carry_shard, write_shard
from mmbind.sources.stated import columns_of, stated
from mmbind.sources.table import MISSING_COLUMN
from mmbind.study import Study


@dataclass(frozen=True)
class IngestSummary:
    """What :func:`ingest` did.

    Attributes:
        source: the source's name.
        files: raw files now.
        read: how many of them were read this time; the others' rows still held.
        removed: files whose rows vanished because they are gone.
        recordings: recordings now (parts counted).
        kept: readings kept, over all modalities.
        quarantined: readings set aside, over all modalities.
        rules: rows of the quarantine by rule, files as a whole included.
        passed: rows of long tables that no modality names, by sensor.
        released: readings kept because a person released them.
        corrected: lines read as a person corrected them.
        outdated: places of releases that hold no longer, since their file changed or is gone.
    """

    source: str
    files: int
    read: int
    removed: int
    recordings: int
    kept: int
    quarantined: int
    rules: dict[str, int]
    passed: dict[str, int]
    released: int = 0
    corrected: int = 0
    outdated: Sequence[str] = ()

    def lines(self) -> list[str]:
        """A few lines for the log."""
        gone = f", {self.removed} gone" if self.removed else ""
        lines = [
            f"{self.source}: {self.files} files ({self.read} read, {self.files - self.read} unchanged{gone}), "
            f"{self.recordings} recordings, {self.kept} readings kept, {self.quarantined} quarantined"
        ]
        if self.rules:
            lines.append("  quarantine: " + _listed(self.rules))
        if self.passed:
            lines.append("  passed by, sensors that no modality names: " + _listed(self.passed))
        if self.released or self.corrected:
            lines.append(f"  released: {self.released} readings kept, {self.corrected} lines read as corrected")
        if self.outdated:
            lines.append("  releases that hold no longer (their file changed or is gone): " + ", ".join(self.outdated))
        return lines


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def ingest(study: Study, source: str) -> IngestSummary:
    """Reads a source's raw logs into ``study.records(source)``.

    Files that have not changed since the last run, with the same configuration and code,
    keep their rows and are not read again. The outcome is the same, byte for byte, as that
    of a run from nothing.

    Args:
        study: the study.
        source: the source's name.

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
    sha256 = _digests(raw, found.paths, source)
    released, outdated = Releases.of(study.root).holding(source, sha256)
    found = found.with_releases(released)
    channels = _channels(raw, config, found)
    recipe = recipe_digest(config, channels)
    earlier = Earlier.find(study.records(source), recipe)
    job = _Job(source, config, raw, found, sha256, channels, earlier)
    with whole_folder(study.records(source)) as folder:
        tables = job.write(folder)
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
    return IngestSummary(
        source=source,
        files=len(found.paths),
        read=sum(len(recording.files) for recording in job.stale),
        removed=len(set(earlier.manifest["files"]) - set(found.paths)) if earlier else 0,
        recordings=counts["recordings"],
        kept=counts["kept"],
        quarantined=counts["quarantined"],
        rules=counts["rules"],
        passed=counts["passed"],
        released=counts.get("released", 0),
        corrected=counts.get("corrected", 0),
        outdated=[f"{release.file}:{release.line}" for release in outdated],
    )


@dataclass(frozen=True)
class _Tables:
    """The small tables of a source, in their final order; ``files`` as in the manifest."""

    recordings: pl.DataFrame
    labels: pl.DataFrame
    quarantine: pl.DataFrame
    files: dict[str, dict[str, Any]]

    def beside(self, quarantine: pl.DataFrame) -> _Tables:
        """The same with other rows of the quarantine, those of label tables."""
        together = pl.concat([self.quarantine, quarantine])
        return replace(self, quarantine=together.sort("file", "line", "modality", "rule", maintain_order=True))

    def counts(self) -> dict[str, Any]:
        """Totals over all files and modalities."""
        entries = [counts for entry in self.files.values() for counts in entry["modalities"].values()]
        rules = self.quarantine.group_by("rule").len().sort("rule")
        passed: Counter[str] = Counter()
        for entry in self.files.values():
            passed.update(entry.get("passed", {}))
        released = sum(sum(entry.get("released", {}).values()) for entry in self.files.values())
        corrected = sum(entry.get("corrected", 0) for entry in self.files.values())
        return {
            "files": len(self.files),
            "recordings": self.recordings.height,
            **{name: sum(entry[name] for entry in entries) for name in ("read", "kept", "quarantined")},
            "rules": dict(rules.iter_rows()),
            "passed": dict(sorted(passed.items())),
            **({"released": released} if released else {}),
            **({"corrected": corrected} if corrected else {}),
        }


@dataclass(frozen=True)
class _Job:
    """One run over a source.

    Attributes:
        source: its name.
        config: how to read it.
        raw: folder of its raw files.
        found: the files.
        sha256: their digests.
        channels: channel names by modality.
        earlier: what an earlier run left; None when nothing of it holds.
    """

    source: str
    config: Source
    raw: Path
    found: Discovered
    sha256: Mapping[str, str]
    channels: Mapping[str, list[str]]
    earlier: Earlier | None

    @cached_property
    def stale(self) -> list[RecordingFiles]:
        """Recordings that must be read, in order of shards."""
        return [recording for recording in self._by_shard() if not self._holds(recording)]

    def write(self, folder: Path) -> _Tables:
        """Writes all shards into a new folder; returns the small tables."""
        gave: list[RecordingRows] = []
        steps = progress(self.stale, f"ingest {self.source}: recordings")
        for shard, members in groupby(self._by_shard(), lambda recording: recording.shard):
            recordings = list(members)
            count = sum(not self._holds(recording) for recording in recordings)
            fresh = [self._read(recording) for recording in islice(steps, count)]
            held = [recording for recording in recordings if self._holds(recording)]
            self._write_shard(folder, shard, fresh, held)
            gave += [replace(rows, rows={}) for rows in fresh]
        return self._tables(gave)

    def derive(self, folder: Path, tables: _Tables) -> _Tables:
        """Adds the derived modalities to the folder and the small tables."""
        if not self.config.derived:
            return tables
        held = [recording for recording in self.found.recordings if self._holds(recording)]
        found = derive_records(
            folder,
            self.config,
            self.channels,
            DerivedTables(tables.recordings, tables.quarantine, tables.files),
            earlier=None if self.earlier is None else self.earlier.folder,
            held=[] if self.earlier is None else self.earlier.recordings_of(held),
        )
        return _Tables(found.recordings, tables.labels, found.quarantine, found.files)

    def _by_shard(self) -> list[RecordingFiles]:
        return sorted(self.found.recordings, key=lambda recording: recording.shard)

    def _holds(self, recording: RecordingFiles) -> bool:
        if self.earlier is None:
            return False
        return self.earlier.holds(recording.digest(self.sha256), list(recording.files))

    def _read(self, recording: RecordingFiles) -> RecordingRows:
        return read_recording(self.raw, self.source, self.config, recording, self.channels, self.sha256)

    def _write_shard(self, folder: Path, shard: int, fresh: list[RecordingRows], held: list[RecordingFiles]) -> None:
        unchanged = (
            self.earlier is not None
            and not fresh
            and self.earlier.digests(shard) == {recording.digest(self.sha256) for recording in held}
        )
        kept = self.earlier.recordings_of(held) if self.earlier is not None else []
        for name in sorted(self.config.modalities):
            if self.earlier is not None and unchanged:
                carry_shard(folder, name, shard, self.earlier.folder)
            else:
                rows = {recording: frame for gave in fresh for recording, frame in gave.rows.get(name, {}).items()}
                columns = columns_of(stated(self.config, name, self.channels))
                old = None if self.earlier is None else self.earlier.folder
                write_shard(folder, name, shard, rows, old, kept, columns)

    def _tables(self, fresh: list[RecordingRows]) -> _Tables:
        """The small tables, from what was read and what holds of the earlier ones."""
        recordings = [empty(recordings_schema(self.config)), *(rows.recordings for rows in fresh)]
        labels = [empty(LABELS), *(rows.labels for rows in fresh)]
        refusals = [(path, None, None, "", *why) for path, why in self.found.refused.items()]
        quarantine = [
            pl.DataFrame(refusals, schema=QUARANTINE, orient="row"),
            *(rows.quarantine for rows in fresh),
        ]
        read = {path: entry for rows in fresh for path, entry in rows.files.items()}
        held = [recording for recording in self.found.recordings if self._holds(recording)]
        if self.earlier is not None and held:
            paths, ids = [path for recording in held for path in recording.files], self.earlier.recordings_of(held)
            recordings.append(self.earlier.recordings.filter(pl.col("recording").is_in(ids)))
            labels.append(self.earlier.labels.filter(pl.col("recording").is_in(ids)))
            quarantine.append(self.earlier.quarantine.filter(pl.col("file").is_in(paths)))
            read |= {path: self.earlier.manifest["files"][path] for path in paths}
        files = {
            path: self._entry(recording, path, read[path])
            for recording in self.found.recordings
            for path in recording.files
        }
        files |= {
            path: self._entry(None, path, {"status": "unreadable", "modalities": {}}) for path in self.found.refused
        }
        return _Tables(
            recordings=pl.concat(recordings).sort("recording"),
            labels=pl.concat(labels).sort("recording", "start_ns"),
            quarantine=pl.concat(quarantine).sort("file", "line", "modality", "rule", maintain_order=True),
            files=files,
        )

    def _entry(self, recording: RecordingFiles | None, path: str, read: Mapping[str, Any]) -> dict[str, Any]:
        """A file's entry in the manifest."""
        return {
            "sha256": self.sha256[path],
            "bytes": (self.raw / path).stat().st_size,
            "shard": None if recording is None else recording.shard,
            "task": None if recording is None else recording.digest(self.sha256),
            "status": read["status"],
            "modalities": read["modalities"],
            **{key: read[key] for key in ("passed", "released", "corrected") if key in read},
        }


def _digests(raw: Path, paths: list[str], source: str) -> dict[str, str]:
    digests = {}
    for path in progress(paths, f"ingest {source}: digests"):
        try:
            digests[path] = sha256_file(raw / path)
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}.", path=raw / path) from None
    return digests


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


def _check_columns(tables: _Tables, config: Source, source: str) -> None:
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

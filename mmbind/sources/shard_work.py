"""The work of one shard: its recordings read, or taken from an earlier shard, in one go.

Shards do not know of each other, so each is a task that can run in a process of its own. What
it leaves is a folder, put in place whole and named by all that it depends on: when a run is
killed, the next one finds the shards that were finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.config import Source
from mmbind.files import read_json, whole_folder, write_json, write_parquet
from mmbind.schema import LABELS, QUARANTINE, empty
from mmbind.sources.contents import Contents
from mmbind.sources.discover import RecordingFiles, Stamp
from mmbind.sources.earlier import Earlier
from mmbind.sources.file_rows import FileRows
from mmbind.sources.recording import RecordingReading, WithdrawnError
from mmbind.sources.recording_tables import RecordingTables, recordings_schema
from mmbind.sources.shards import OldShard, ShardFile, shard_path
from mmbind.sources.stated import columns_of, stated


@dataclass(frozen=True)
class ShardWork:
    """What is to be done.

    Attributes:
        folder: where to leave it.
        raw: the source's raw files.
        source: the source's name.
        config: how to read it.
        shard: number of the shard.
        recordings: all its recordings, sorted by owner's key.
        stale: keys of the owners whose recordings are read; the others are taken over.
        channels: channel names by modality.
        stamps: of the files that are read.
        sha256: digests of files, as far as they are known.
        earlier: records with the same recipe to take the others from.
    """

    folder: Path
    raw: Path
    source: str
    config: Source
    shard: int
    recordings: list[RecordingFiles]
    stale: frozenset[str]
    channels: Mapping[str, list[str]]
    stamps: Mapping[str, Stamp]
    sha256: Mapping[str, str]
    earlier: Path | None


@dataclass(frozen=True)
class ShardOutcome:
    """What was done, as it lies in a folder.

    Attributes:
        folder: where.
    """

    folder: Path

    def shard(self, modality: str) -> Path:
        """The shard of a modality; missing where it has no rows."""
        return self.folder / f"{modality}.parquet"

    def table(self, name: str) -> pl.DataFrame:
        """One of the tables ``recordings``, ``labels`` and ``quarantine`` of the shard."""
        return pl.read_parquet(self.folder / "tables" / f"{name}.parquet", glob=False)

    @cached_property
    def told(self) -> dict[str, Any]:
        """``files``: entries of the manifest; ``sha256``: digests of what was read; ``sure``: see Contents."""
        content: dict[str, Any] = read_json(self.folder / "tables" / "files.json")
        return content


def do_shard(work: ShardWork) -> None:
    """Does it.

    Raises:
        DataError: when a file cannot be read, or is being written.
        MmbindError: when rows were not conserved.
    """
    paths = [path for recording in work.recordings if recording.owner.key in work.stale for path in recording.files]
    with Contents(work.raw, work.stamps, work.sha256) as contents, whole_folder(work.folder) as folder:
        contents.begin(paths)
        known: dict[str, FileRows] = {}
        while True:
            try:
                tables = _write(work, folder, contents, known)
                break
            except WithdrawnError as withdrawn:
                known[withdrawn.path] = withdrawn.rows
        for name in ("recordings", "labels", "quarantine"):
            write_parquet(folder / "tables" / f"{name}.parquet", getattr(tables, name))
        sure = [path for path in contents.sure if path not in work.sha256]
        told = {"files": tables.files, "sha256": {path: contents[path] for path in paths}, "sure": sure}
        write_json(folder / "tables" / "files.json", told)


def _write(work: ShardWork, folder: Path, contents: Contents, known: Mapping[str, FileRows]) -> RecordingTables:
    """Writes the shard of every modality; returns the small tables, unsorted."""
    earlier = None if work.earlier is None else Earlier.of(work.earlier)
    held = {} if earlier is None else _held(work, earlier)
    kept = [recording for ids in held.values() for recording in ids]
    given = [_taken_over(work, earlier, kept)]
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        files, old = {}, {}
        for name in sorted(work.config.modalities):
            columns = columns_of(stated(work.config, name, work.channels))
            file = ShardFile(folder / f"{name}.parquet", work.channels[name], columns, pool)
            files[name] = stack.enter_context(file)
            before = folder / "none" if work.earlier is None else shard_path(work.earlier, name, work.shard)
            old[name] = OldShard(before, kept)
        for recording in work.recordings:
            key = recording.owner.key
            if key not in work.stale:
                for name, file in files.items():
                    for part, rows in old[name].take(held[key]):
                        file.add(part, rows)
                continue
            reading = RecordingReading(work.raw, work.source, work.config, recording, work.channels, known=known)
            for piece in reading:
                files[piece.modality].add(piece.recording, piece.rows)
            contents.check(recording.files)
            given.append(reading.tables(contents))
    return RecordingTables(
        recordings=pl.concat([tables.recordings for tables in given]),
        labels=pl.concat([tables.labels for tables in given]),
        quarantine=pl.concat([tables.quarantine for tables in given]),
        files={path: entry for tables in given for path, entry in tables.files.items()},
    )


def _held(work: ShardWork, earlier: Earlier) -> dict[str, list[str]]:
    """Ids of the parts by owner's key, of recordings that are taken over."""
    recordings = [recording for recording in work.recordings if recording.owner.key not in work.stale]
    return {recording.owner.key: earlier.parts_of(recording) for recording in recordings}


def _taken_over(work: ShardWork, earlier: Earlier | None, kept: list[str]) -> RecordingTables:
    """What the earlier tables tell of the recordings that are taken over."""
    if earlier is None:
        return RecordingTables(empty(recordings_schema(work.config)), empty(LABELS), empty(QUARANTINE), {})
    paths = [path for each in work.recordings if each.owner.key not in work.stale for path in each.files]
    return RecordingTables(
        recordings=earlier.recordings.filter(pl.col("recording").is_in(kept)),
        labels=earlier.labels.filter(pl.col("recording").is_in(kept)),
        quarantine=earlier.quarantine.filter(pl.col("file").is_in(paths)),
        files={path: earlier.manifest["files"][path] for path in paths},
    )

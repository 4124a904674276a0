"""One run over a source: which shards must be made anew, and the tables that come of all of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.config import Source
from mmbind.files import digest_of
from mmbind.parallel import each
from mmbind.progress import progress
from mmbind.schema import LABELS, QUARANTINE, empty
from mmbind.sources.contents import Contents
from mmbind.sources.derive import DerivedTables, derive_records
from mmbind.sources.discover import Discovered, RecordingFiles
from mmbind.sources.earlier import Earlier
from mmbind.sources.recording_tables import recordings_schema
from mmbind.sources.shard_work import ShardOutcome, ShardWork, do_shard
from mmbind.sources.shards import carry_shard, link_or_copy, shard_path

#: Bytes to read, at ``FILE_COST`` more per file, from which on several processes are worth their start.
ALONE, FILE_COST = 256 << 20, 256 << 10


@dataclass(frozen=True)
class Tables:
    """The small tables of a source, in their final order; ``files`` as in the manifest."""

    recordings: pl.DataFrame
    labels: pl.DataFrame
    quarantine: pl.DataFrame
    files: dict[str, dict[str, Any]]

    def beside(self, quarantine: pl.DataFrame) -> Tables:
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
class Job:
    """One run over a source.

    Attributes:
        source: its name.
        config: how to read it.
        raw: folder of its raw files.
        found: the files.
        contents: their digests.
        channels: channel names by modality.
        recipe: names all that records depend on but the files.
        earlier: what an earlier run left; None when nothing of it holds.
        work: where shards are kept until the run ends.
    """

    source: str
    config: Source
    raw: Path
    found: Discovered
    contents: Contents
    channels: Mapping[str, list[str]]
    recipe: str
    earlier: Earlier | None
    work: Path

    def read(self) -> None:
        """Reads all that must be read; what is done is kept, shard by shard."""
        tasks = [self._task(shard) for shard in self.undone]
        size = sum(self.found.stamps[path].size + FILE_COST for task in tasks for path in task.stamps)
        workers = min(len(os.sched_getaffinity(0)), len(tasks)) if size > ALONE else 1
        steps = progress(each(do_shard, tasks, workers=workers), f"ingest {self.source}: shards", len(tasks))
        for task, _ in steps:
            outcome = ShardOutcome(task.folder)
            self.contents.learn(outcome.told["sha256"], outcome.told["sure"])

    def write(self, folder: Path) -> Tables:
        """Puts all shards into a new folder; returns the small tables."""
        for shard in self.shards:
            for name in sorted(self.config.modalities):
                if shard not in self.outcomes and self.earlier is not None:
                    carry_shard(folder, name, shard, self.earlier.folder)
                elif (found := self.outcomes[shard].shard(name)).is_file():
                    link_or_copy(found, shard_path(folder, name, shard))
        return self._tables()

    def derive(self, folder: Path, tables: Tables) -> Tables:
        """Adds the derived modalities to the folder and the small tables."""
        if not self.config.derived:
            return tables
        found = derive_records(
            folder,
            self.config,
            self.channels,
            DerivedTables(tables.recordings, tables.quarantine, tables.files),
            earlier=None if self.earlier is None else self.earlier.folder,
            held=self._parts_of([each for each in self.found.recordings if each.owner.key not in self._stale]),
        )
        return Tables(found.recordings, tables.labels, found.quarantine, found.files)

    @cached_property
    def shards(self) -> dict[int, list[RecordingFiles]]:
        """Recordings by shard, sorted by owner's key."""
        shards: dict[int, list[RecordingFiles]] = {}
        for recording in self.found.recordings:
            shards.setdefault(recording.shard, []).append(recording)
        return dict(sorted(shards.items()))

    @cached_property
    def _stale(self) -> frozenset[str]:
        """Keys of the owners whose recordings the earlier records do not hold."""
        earlier, stamps = self.earlier, self.found.stamps
        if earlier is None:
            return frozenset(recording.owner.key for recording in self.found.recordings)
        likely = [each for each in self.found.recordings if earlier.may_hold(stamps, each.files)]
        self.contents.begin(path for recording in likely for path in recording.files)
        held = {each.owner.key for each in likely if earlier.holds(each.digest(self.contents), each.files)}
        return frozenset(recording.owner.key for recording in self.found.recordings) - held

    def stale_of(self, shard: int) -> list[RecordingFiles]:
        """The recordings of a shard that the earlier records do not hold."""
        return [recording for recording in self.shards[shard] if recording.owner.key in self._stale]

    @cached_property
    def outcomes(self) -> dict[int, ShardOutcome]:
        """Where the shards lie that differ from the earlier ones, once they are done."""
        changed = [shard for shard in self.shards if not self._unchanged(shard)]
        return {shard: ShardOutcome(self.work / self._key(shard)) for shard in changed}

    @cached_property
    def undone(self) -> list[int]:
        """Shards that differ from the earlier ones and were not finished by a run that was killed."""
        for outcome in self.outcomes.values():
            if outcome.folder.is_dir():
                self.contents.learn(outcome.told["sha256"], outcome.told["sure"])
        return [shard for shard, outcome in self.outcomes.items() if not outcome.folder.is_dir()]

    def _unchanged(self, shard: int) -> bool:
        if self.earlier is None or self.stale_of(shard):
            return False
        return self.earlier.digests(shard) == {each.digest(self.contents) for each in self.shards[shard]}

    def _key(self, shard: int) -> str:
        """Names all that a shard depends on: files by their stamps, or by content where a stamp tells too little."""
        names = {
            path: str([*stamp, self.contents[path]] if self.contents.is_young(path) else [*stamp])
            for recording in self.shards[shard]
            for path, stamp in ((path, self.found.stamps[path]) for path in recording.files)
        }
        return digest_of([self.recipe, shard, [recording.digest(names) for recording in self.shards[shard]]])

    def _task(self, shard: int) -> ShardWork:
        paths = [path for recording in self.stale_of(shard) for path in recording.files]
        return ShardWork(
            folder=self.outcomes[shard].folder,
            raw=self.raw,
            source=self.source,
            config=self.config,
            shard=shard,
            recordings=self.shards[shard],
            stale=frozenset(recording.owner.key for recording in self.stale_of(shard)),
            channels=self.channels,
            stamps={path: self.found.stamps[path] for path in paths},
            sha256={path: self.contents[path] for path in paths if self.contents.is_known(path)},
            earlier=None if self.earlier is None else self.earlier.folder,
        )

    def _parts_of(self, held: list[RecordingFiles]) -> list[str]:
        return [] if self.earlier is None else [part for each in held for part in self.earlier.parts_of(each)]

    def _tables(self) -> Tables:
        """The small tables, from what was read and what holds of the earlier ones."""
        outcomes, schema = list(self.outcomes.values()), recordings_schema(self.config)
        recordings = [empty(schema), *(outcome.table("recordings") for outcome in outcomes)]
        labels = [empty(LABELS), *(outcome.table("labels") for outcome in outcomes)]
        refusals = [(path, None, None, b"", *why) for path, why in self.found.refused.items()]
        quarantine = [
            pl.DataFrame(refusals, schema=QUARANTINE, orient="row"),
            *(outcome.table("quarantine") for outcome in outcomes),
        ]
        read = {path: entry for outcome in outcomes for path, entry in outcome.told["files"].items()}
        carried = [each for shard, members in self.shards.items() if shard not in self.outcomes for each in members]
        if self.earlier is not None and carried:
            paths, ids = [path for recording in carried for path in recording.files], self._parts_of(carried)
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
        return Tables(
            recordings=pl.concat(recordings).sort("recording"),
            labels=pl.concat(labels).sort("recording", "start_ns"),
            quarantine=pl.concat(quarantine).sort("file", "line", "modality", "rule", maintain_order=True),
            files=files,
        )

    def _entry(self, recording: RecordingFiles | None, path: str, read: Mapping[str, Any]) -> dict[str, Any]:
        """A file's entry in the manifest."""
        return {
            "sha256": self.contents[path],
            "bytes": self.found.stamps[path].size,
            "shard": None if recording is None else recording.shard,
            "task": None if recording is None else recording.digest(self.contents),
            "status": read["status"],
            "modalities": read["modalities"],
            **{key: read[key] for key in ("passed", "released", "corrected") if key in read},
        }

"""What an earlier run left, and how much of it still holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.config import Source
from mmbind.files import digest_of, read_json, sha256_file
from mmbind.sources.discover import RecordingFiles, Stamp
from mmbind.sources.readers import reader_version

_ROOM = Path(__file__).parent
#: Modules of the ground floor that records depend on, beside this room.
_BASEMENT = (_ROOM.parent / "units.py", _ROOM.parent / "schema.py")


def recipe_digest(source: Source, channels: dict[str, list[str]]) -> str:
    """Names everything but the files that a source's records depend on.

    Args:
        source: its configuration.
        channels: channel names by modality.
    """
    code = [sha256_file(path) for path in [*sorted(_ROOM.rglob("*.py")), *_BASEMENT]]
    return digest_of([source.model_dump(mode="json"), channels, code, reader_version(source)])


@dataclass(frozen=True)
class Earlier:
    """Records of an earlier run with the same recipe.

    Attributes:
        folder: where they lie.
        manifest: their manifest.
    """

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def of(cls, folder: Path) -> Earlier:
        """Opens records that are there."""
        return cls(folder, read_json(folder / "manifest.json"))

    @classmethod
    def find(cls, folder: Path, recipe: str) -> Earlier | None:
        """Opens earlier records; None when there are none, or of another recipe."""
        try:
            earlier = cls.of(folder)
            return earlier if earlier.manifest["recipe"] == recipe else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def may_hold(self, stamps: Mapping[str, Stamp], paths: Iterable[str]) -> bool:
        """Whether files were there, each as long as it is now: only then their digests are worth knowing."""
        files = self.manifest["files"]
        return all(path in files and files[path]["bytes"] == stamps[path].size for path in paths)

    def holds(self, digest: str, paths: Iterable[str]) -> bool:
        """Whether a recording was read from just these files with just this content."""
        files = self.manifest["files"]
        return all(path in files and files[path].get("task") == digest for path in paths)

    def digests(self, shard: int) -> frozenset[str]:
        """Digests of the recordings in a shard."""
        return self._by_shard.get(shard, frozenset())

    @cached_property
    def _by_shard(self) -> dict[int, frozenset[str]]:
        shards: dict[int, set[str]] = {}
        for entry in self.manifest["files"].values():
            if entry["task"] is not None:
                shards.setdefault(entry["shard"], set()).add(entry["task"])
        return {shard: frozenset(digests) for shard, digests in shards.items()}

    def parts_of(self, recording: RecordingFiles) -> list[str]:
        """Ids of the parts of a recording that holds, in their order."""
        return self._parts.get(min(recording.files), [])

    @cached_property
    def _parts(self) -> dict[str, list[str]]:
        parts: dict[str, list[str]] = {}
        for file, recording in self.recordings.select("file", "recording").iter_rows():
            parts.setdefault(file, []).append(recording)
        return parts

    @cached_property
    def recordings(self) -> pl.DataFrame:
        """The table of recordings."""
        return pl.read_parquet(self.folder / "recordings.parquet", glob=False)

    @cached_property
    def labels(self) -> pl.DataFrame:
        """The table of labels."""
        return pl.read_parquet(self.folder / "labels.parquet", glob=False)

    @cached_property
    def quarantine(self) -> pl.DataFrame:
        """The quarantine."""
        return pl.read_parquet(self.folder / "quarantine.parquet", glob=False)

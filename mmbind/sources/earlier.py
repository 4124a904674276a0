"""What an earlier run left, and how much of it still holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.config import Source
from mmbind.files import digest_of, read_json, sha256_file
from mmbind.sources.discover import RecordingFiles
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
    def find(cls, folder: Path, recipe: str) -> Earlier | None:
        """Opens earlier records; None when there are none, or of another recipe."""
        try:
            manifest = read_json(folder / "manifest.json")
            return cls(folder, manifest) if manifest["recipe"] == recipe else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def holds(self, digest: str, paths: list[str]) -> bool:
        """Whether a recording was read from just these files with just this content."""
        files = self.manifest["files"]
        return all(path in files and files[path].get("task") == digest for path in paths)

    def digests(self, shard: int) -> set[str]:
        """Digests of the recordings in a shard."""
        return {e["task"] for e in self.manifest["files"].values() if e["shard"] == shard and e["task"] is not None}

    def recordings_of(self, held: Sequence[RecordingFiles]) -> list[str]:
        """Ids of all parts of some recordings, sorted."""
        first = [min(recording.files) for recording in held]
        return sorted(self.recordings.filter(pl.col("file").is_in(first))["recording"])

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

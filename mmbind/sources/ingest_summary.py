"""What an ingest did, for the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Files that are gone and named in the log.
SHOWN = 10


@dataclass(frozen=True)
class IngestSummary:
    """What :func:`ingest` did.

    Attributes:
        source: the source's name.
        files: raw files now.
        read: how many of them were read this time; the others' rows still held.
        hashed: how many files' contents had to be looked at, those that were read included.
        removed: files whose rows vanished because they are gone, sorted.
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
    hashed: int
    removed: list[str]
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
        gone = f", {len(self.removed)} gone" if self.removed else ""
        lines = [
            f"{self.source}: {self.files} files ({self.read} read, {self.files - self.read} unchanged{gone}), "
            f"{self.recordings} recordings, {self.kept} readings kept, {self.quarantined} quarantined"
        ]
        if self.hashed:
            lines.append(f"  hashed: {self.hashed} files")
        if self.removed:
            lines.append("  gone, with their rows: " + _shortened(self.removed))
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


def _shortened(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} others" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more

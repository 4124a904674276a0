"""Releases: readings that a person found to be good after all.

They stand in ``releases.json`` in the study's folder, which is committed, and ingest obeys
them. A release holds for one line of one file with one content: when the file changes, it
holds no longer and is reported. There are two kinds:

* a reading that was set aside for its time alone goes where its time puts it;
* a line that could not be read is read as if it were another text. What the file holds
  stays what it is: digests and the quarantine's raw text are those of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from mmbind.errors import DataError
from mmbind.files import read_json, write_json
from mmbind.sources.rules import BACKWARD_TIME, LEAP_TIME

#: The file of a study that holds its releases.
FILE = "releases.json"
#: Rules whose readings can go where their time puts them.
PLACED = (BACKWARD_TIME, LEAP_TIME)


@dataclass(frozen=True, order=True)
class Release:
    """One line of one file.

    Attributes:
        file: path below the source's folder.
        line: 1-based line, or row.
        rule: the rule that it was set aside by.
        sha256: digest of the file that it holds for.
        modalities: whose readings are released, sorted; all of the line's where it is corrected.
        text: what the line is read as; None: its readings go where their time puts them.
        why: a few words of whoever decided.
    """

    file: str
    line: int
    rule: str
    sha256: str
    modalities: tuple[str, ...] = ()
    text: str | None = None
    why: str = ""

    @property
    def key(self) -> tuple[str, int, bool]:
        """What can be released once."""
        return self.file, self.line, self.text is not None

    def entry(self) -> dict[str, Any]:
        """What the file holds of it: no empty fields."""
        found = {name: value for name, value in asdict(self).items() if value not in (None, "", ())}
        return {**found, **({"modalities": list(self.modalities)} if self.modalities else {})}


@dataclass(frozen=True)
class FileReleases:
    """What is released of one file.

    Attributes:
        placed: per modality, lines whose readings go where their time puts them.
        corrected: texts by line.
    """

    placed: Mapping[str, Sequence[int]] = field(default_factory=dict)
    corrected: Mapping[int, str] = field(default_factory=dict)

    def digest_parts(self) -> list[Any]:
        """What a digest of the recording must hold of it."""
        return [sorted((name, list(lines)) for name, lines in self.placed.items()), sorted(self.corrected.items())]


@dataclass(frozen=True)
class Releases:
    """The releases of a study.

    Attributes:
        path: the file.
        by_source: releases by source.
    """

    path: Path
    by_source: dict[str, list[Release]]

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Reads a study's releases; none when it has no such file.

        Args:
            folder: the study's folder.

        Raises:
            DataError: when the file is not what :meth:`save` writes.
        """
        path = folder / FILE
        if not path.is_file():
            return cls(path, {})
        try:
            stored = read_json(path)
            return cls(path, {str(name): [_restored(entry) for entry in entries] for name, entries in stored.items()})
        except (ValueError, KeyError, TypeError, AttributeError):
            hint = "Restore it from git; 'mmbind quarantine release' writes it."
            raise DataError("does not hold releases.", path=path, hint=hint) from None

    def holding(self, source: str, sha256: Mapping[str, str]) -> tuple[dict[str, FileReleases], list[Release]]:
        """What is released of a source's files as they are now.

        Args:
            source: its name.
            sha256: digests by file.

        Returns:
            By file, and the releases that hold no longer: their file changed or is gone.
        """
        mine = self.by_source.get(source, [])
        files: dict[str, FileReleases] = {}
        for file in sorted({release.file for release in mine if sha256.get(release.file) == release.sha256}):
            these = [release for release in mine if release.file == file and release.sha256 == sha256[file]]
            placed: dict[str, list[int]] = {}
            for release in these:
                for modality in release.modalities if release.text is None else ():
                    placed.setdefault(modality, []).append(release.line)
            corrected = {release.line: release.text for release in these if release.text is not None}
            files[file] = FileReleases({name: sorted(lines) for name, lines in sorted(placed.items())}, corrected)
        return files, sorted(release for release in mine if sha256.get(release.file) != release.sha256)

    def add(self, source: str, releases: Iterable[Release]) -> Self:
        """The same with more releases of a source; a later one of the same line replaces the earlier."""
        known = {release.key: release for release in self.by_source.get(source, [])}
        known |= {release.key: release for release in releases}
        return self._with(source, known.values())

    def drop(self, source: str, releases: Iterable[Release]) -> Self:
        """The same without some releases of a source."""
        gone = set(releases)
        return self._with(source, (each for each in self.by_source.get(source, []) if each not in gone))

    def save(self) -> None:
        """Writes the file, sorted; the same releases give the same bytes."""
        stored = {name: [release.entry() for release in sorted(mine, key=_order)] for name, mine in self._filled()}
        write_json(self.path, stored)

    def _filled(self) -> list[tuple[str, list[Release]]]:
        return [(name, mine) for name, mine in sorted(self.by_source.items()) if mine]

    def _with(self, source: str, releases: Iterable[Release]) -> Self:
        return type(self)(self.path, {**self.by_source, source: sorted(releases, key=_order)})


def _order(release: Release) -> tuple[str, int, str, str]:
    return release.file, release.line, release.rule, release.text or ""


def _restored(entry: Mapping[str, Any]) -> Release:
    release = Release(
        file=str(entry["file"]),
        line=int(entry["line"]),
        rule=str(entry["rule"]),
        sha256=str(entry["sha256"]),
        modalities=tuple(str(name) for name in entry.get("modalities", [])),
        text=None if entry.get("text") is None else str(entry["text"]),
        why=str(entry.get("why", "")),
    )
    if release.text is None and release.rule not in PLACED:
        raise ValueError(release.rule)
    if set(entry) - set(asdict(release)):
        raise KeyError(sorted(set(entry) - set(asdict(release)))[0])
    return release

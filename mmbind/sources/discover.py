"""Which raw files a source has, and which of them make one recording."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mmbind.config import Source
from mmbind.errors import DataError, InputError, nearest
from mmbind.files import digest_of, short_id
from mmbind.sources.identity import Owner, owner_of
from mmbind.sources.labels import Mark
from mmbind.sources.releases import FileReleases
from mmbind.sources.rules import SAME_RECORDING, UNMATCHED_PATH

#: Endings of files that are no logs (yet).
PASSED_BY = (".part", ".tmp", ".dvc")

#: Whether a folder's or file's name fits one part of a glob; None: any folders, also none.
_Part = Callable[[str], object] | None


class Stamp(NamedTuple):
    """What the file system says of a file: a write changes it, unless it comes too soon after another."""

    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of a file's status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True)
class RecordingFiles:
    """The files of one recording, to be read together and apart from all others.

    Attributes:
        owner: what their paths tell.
        files: modalities by file (path below the source's folder), sorted by path.
        shard: the shard that takes the rows; it follows from the owner's key alone.
        marks: what label tables say of it; None where they say nothing.
        released: what a person released of some of the files.
    """

    owner: Owner
    files: Mapping[str, list[str]]
    shard: int
    marks: tuple[Mark, ...] | None = None

    released: Mapping[str, FileReleases] = field(default_factory=dict)

    def digest(self, sha256: Mapping[str, str]) -> str:
        """Names the files' contents and uses, their labels and releases; equal digests give equal rows."""
        marks = [] if self.marks is None else [[mark.says for mark in self.marks]]
        released = {path: each.digest_parts() for path, each in self.released.items()}
        more = [*marks, *([released] if released else [])]
        return digest_of([[[path, names, sha256[path]] for path, names in self.files.items()], *more])


@dataclass(frozen=True)
class Discovered:
    """A source's files.

    Attributes:
        recordings: what can be read, sorted by owner's key.
        refused: rule and reason by file that cannot.
        stamps: by file, of both kinds.
    """

    recordings: list[RecordingFiles]
    refused: dict[str, tuple[str, str]]
    stamps: Mapping[str, Stamp]

    def with_releases(self, released: Mapping[str, FileReleases]) -> Discovered:
        """The same files, with what a person released of them."""
        recordings = [
            replace(recording, released={path: released[path] for path in recording.files if path in released})
            for recording in self.recordings
        ]
        return replace(self, recordings=recordings)

    @cached_property
    def paths(self) -> list[str]:
        """All files, sorted."""
        return sorted([*self.refused, *(path for recording in self.recordings for path in recording.files)])

    @property
    def worn(self) -> set[str]:
        """Devices and placements of the recordings."""
        owners = [recording.owner for recording in self.recordings]
        return {name for owner in owners for name in (owner.device, owner.placement) if name is not None}


def discover(folder: Path, name: str, source: Source) -> Discovered:
    """Finds a source's raw files and puts them together to recordings.

    Args:
        folder: the source's raw files.
        name: the source's name, for messages.
        source: globs and identity.

    Raises:
        InputError: when a glob finds no file, or the identity's pattern fits none.
        DataError: when a folder cannot be looked into.
    """
    everything = _wanted(dict(sorted(_logs(folder))), folder, name, source)
    globs = source.join or dict.fromkeys(source.modalities, source.files)
    modalities: dict[str, list[str]] = {}
    for modality, pattern in sorted(globs.items()):
        key = f"sources.{name}.join.{modality}" if source.join else f"sources.{name}.files"
        found = matching(pattern, everything, place=key)
        if not found:
            raise InputError(f"No file in {folder} fits {pattern!r} ({key}).", hint=_closest(pattern, list(everything)))
        for path in found:
            if not path.isprintable():
                raise InputError(
                    f"The file name {path!r} in {folder} cannot be shown as text.", hint="Rename the file."
                )
            modalities.setdefault(path, []).append(modality)
    owners = {path: owner_of(path, source) for path in sorted(modalities)}
    if not any(owners.values()):
        raise InputError(
            f"No file of {name!r} fits the pattern {source.identity.pattern!r} (sources.{name}.identity), "
            f"neither {min(owners)!r} nor another.",
            hint="Correct the pattern; it is searched in the path below the source's folder.",
        )
    recordings, refused = _grouped(owners, modalities, source)
    return Discovered(recordings, refused, {path: everything[path] for path in owners})


def find_files(folder: Path, pattern: str, *, place: str) -> list[str]:
    """The files that a glob fits, sorted.

    Args:
        folder: the source's raw files.
        pattern: the glob.
        place: where it stands, for the message.

    Raises:
        InputError: when it fits none, or is no glob of relative paths.
    """
    everything = logs_below(folder)
    found = matching(pattern, everything, place=place)
    if not found:
        raise InputError(f"No file in {folder} fits {pattern!r} ({place}).", hint=_closest(pattern, everything))
    return found


def logs_below(folder: Path) -> list[str]:
    """All files below a folder that may be logs, as relative paths, sorted.

    Raises:
        DataError: when a folder cannot be looked into.
    """
    return sorted(path for path, _ in _logs(folder))


def _wanted(everything: dict[str, Stamp], folder: Path, name: str, source: Source) -> dict[str, Stamp]:
    """The files that the source does not exclude, and that are no tables of labels."""
    globs = {f"sources.{name}.exclude.{number}": pattern for number, pattern in enumerate(source.exclude)}
    if source.labels.table is not None:
        globs[f"sources.{name}.labels.table.files"] = source.labels.table.files
    out: set[str] = set()
    for place, pattern in globs.items():
        found = matching(pattern, everything, place=place)
        if not found:
            raise InputError(
                f"No file in {folder} fits {pattern!r} ({place}).", hint=_closest(pattern, list(everything))
            )
        out.update(found)
    return {path: stamp for path, stamp in everything.items() if path not in out}


def matching(pattern: str, paths: Iterable[str], *, place: str) -> list[str]:
    """The paths that a glob fits, in their order.

    As in a shell, ``*``, ``?`` and ``[...]`` stay inside one folder's or file's name, and a
    name ``**`` stands for any folders, also none.

    Args:
        pattern: the glob.
        paths: relative, with forward slashes.
        place: where the glob stands, for the message.

    Raises:
        InputError: when it is no glob of relative paths.
    """
    names = PurePosixPath(pattern).parts
    wrong = {
        "it is empty": not names,
        "it must be relative to the source's folder": pattern.startswith("/") or ".." in names,
        "'**' must be a whole name between slashes": any("**" in name and name != "**" for name in names),
    }
    for reason in (reason for reason, holds in wrong.items() if holds):
        raise InputError(f"{pattern!r} ({place}) cannot be used to find files: {reason}.")
    parts: list[_Part] = [None if name == "**" else re.compile(fnmatch.translate(name)).match for name in names]
    if parts[-1] is None:
        parts.append(re.compile("").match)
    return [path for path in paths if _fits(path.split("/"), parts)]


def _fits(names: Sequence[str], parts: Sequence[_Part]) -> bool:
    if not parts or not names:
        return not parts and not names
    if parts[0] is None:
        return any(_fits(names[start:], parts[1:]) for start in range(len(names)))
    return parts[0](names[0]) is not None and _fits(names[1:], parts[1:])


def _grouped(
    owners: Mapping[str, Owner | None], modalities: Mapping[str, list[str]], source: Source
) -> tuple[list[RecordingFiles], dict[str, tuple[str, str]]]:
    """Recordings, sorted by owner's key, and rule and reason by file that belongs to none."""
    refused: dict[str, tuple[str, str]] = {}
    groups: dict[str, dict[str, list[str]]] = {}
    known: dict[str, Owner] = {}
    for path, owner in owners.items():
        if owner is None:
            refused[path] = (UNMATCHED_PATH, f"the path does not fit the pattern {source.identity.pattern!r}.")
            continue
        group = groups.setdefault(owner.key, {})
        first = next((other for other, names in group.items() if set(names) & set(modalities[path])), None)
        if first is not None:
            refused[path] = (SAME_RECORDING, f"by its path it is the same recording and modality as {first!r}.")
            continue
        group[path] = modalities[path]
        known.setdefault(owner.key, owner)
    recordings = [
        RecordingFiles(known[key], files, int(short_id(key), 16) % source.shards)
        for key, files in sorted(groups.items())
    ]
    return recordings, refused


def _logs(folder: Path) -> Iterator[tuple[str, Stamp]]:
    """Path and stamp of all files that may be logs.

    Links to files are followed, links to folders below ``folder`` are not.
    """
    waiting = [(folder, "")]
    while waiting:
        place, prefix = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((Path(entry.path), f"{prefix}{entry.name}/"))
                    elif not entry.name.endswith(PASSED_BY) and entry.is_file():
                        yield f"{prefix}{entry.name}", Stamp.of(entry.stat())
        except OSError as error:
            raise DataError(f"cannot be looked into: {error.strerror}.", path=error.filename or place) from None


def _closest(pattern: str, paths: list[str]) -> str:
    if not paths:
        return "The folder is empty: land raw files there, or run 'mmbind demo' or 'mmbind fetch'."
    shown = nearest(pattern, paths[:1000]) if len(paths) <= 10 else nearest(pattern, _spread(paths))
    return f"{len(paths)} other files are there. {shown}"


def _spread(paths: list[str]) -> list[str]:
    """A few paths, one per folder and ending where there are many."""
    kinds: dict[tuple[str, str], str] = {}
    for path in paths:
        kinds.setdefault((Path(path).parent.as_posix(), Path(path).suffix), path)
    return list(kinds.values())[:10]

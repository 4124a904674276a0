"""Which raw files a source has, and which of them make one recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmbind.config import Source
from mmbind.errors import InputError, nearest
from mmbind.files import digest_of, short_id
from mmbind.sources.identity import Owner, owner_of

#: Endings of files that are no logs (yet).
PASSED_BY = (".part", ".tmp", ".dvc")


@dataclass(frozen=True)
class RecordingFiles:
    """The files of one recording, to be read together and apart from all others.

    Attributes:
        owner: what their paths tell.
        files: modalities by file (path below the source's folder), sorted by path.
        shard: the shard that takes the rows; it follows from the owner's key alone.
    """

    owner: Owner
    files: Mapping[str, list[str]]
    shard: int

    def digest(self, sha256: Mapping[str, str]) -> str:
        """Names the files' contents and uses; equal digests give equal rows."""
        return digest_of([[path, names, sha256[path]] for path, names in self.files.items()])


@dataclass(frozen=True)
class Discovered:
    """A source's files.

    Attributes:
        recordings: what can be read, sorted by owner's key.
        refused: rule and reason by file that cannot.
    """

    recordings: list[RecordingFiles]
    refused: dict[str, tuple[str, str]]

    @property
    def paths(self) -> list[str]:
        """All files, sorted."""
        return sorted([*self.refused, *(path for recording in self.recordings for path in recording.files)])


def discover(folder: Path, name: str, source: Source) -> Discovered:
    """Finds a source's raw files and puts them together to recordings.

    Args:
        folder: the source's raw files.
        name: the source's name, for messages.
        source: globs and identity.

    Raises:
        InputError: when a glob finds no file, or the identity's pattern fits none.
    """
    everything = _logs(folder)
    globs = source.join or dict.fromkeys(source.modalities, source.files)
    modalities: dict[str, list[str]] = {}
    for modality, pattern in sorted(globs.items()):
        found = _matches(folder, pattern, set(everything), place=f"sources.{name}")
        if not found:
            key = f"sources.{name}.join.{modality}" if source.join else f"sources.{name}.files"
            raise InputError(f"No file in {folder} fits {pattern!r} ({key}).", hint=_closest(pattern, everything))
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
    return _grouped(owners, modalities, source)


def _grouped(owners: Mapping[str, Owner | None], modalities: Mapping[str, list[str]], source: Source) -> Discovered:
    refused: dict[str, tuple[str, str]] = {}
    groups: dict[str, dict[str, list[str]]] = {}
    known: dict[str, Owner] = {}
    for path, owner in owners.items():
        if owner is None:
            refused[path] = ("unmatched_path", f"the path does not fit the pattern {source.identity.pattern!r}.")
            continue
        group = groups.setdefault(owner.key, {})
        first = next((other for other, names in group.items() if set(names) & set(modalities[path])), None)
        if first is not None:
            refused[path] = ("same_recording", f"by its path it is the same recording and modality as {first!r}.")
            continue
        group[path] = modalities[path]
        known.setdefault(owner.key, owner)
    recordings = [
        RecordingFiles(known[key], files, int(short_id(key), 16) % source.shards)
        for key, files in sorted(groups.items())
    ]
    return Discovered(recordings, refused)


def _logs(folder: Path) -> list[str]:
    """Paths of all files that may be logs, sorted."""
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if not hidden and not path.name.endswith(PASSED_BY) and path.is_file():
            found.append(relative.as_posix())
    return sorted(found)


def _matches(folder: Path, pattern: str, logs: set[str], *, place: str) -> list[str]:
    try:
        return sorted({path.relative_to(folder).as_posix() for path in folder.glob(pattern)} & logs)
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{pattern!r} ({place}) cannot be used to find files: {error}.") from None


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

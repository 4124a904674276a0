"""Packed raw data sets, unpacked into ``data/raw/<source>/`` with suspicion.

An archive comes from a folder on this machine, never from the network. Its digest must be
the one in ``params.yaml``, and every path inside must stay inside: no absolute paths, no
``..``, no links, no devices. The folder of a source is replaced as a whole or not at all.
"""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from mmbind.config.sources import Archive
from mmbind.errors import DataError, InputError
from mmbind.files import digest_of, read_json, sha256_file, whole_folder, write_json
from mmbind.progress import progress
from mmbind.study import Study

#: Remembers in a source's folder what was fetched; a dotfile, so ingest passes it by.
RECEIPT = ".fetched.json"


@dataclass(frozen=True)
class Fetched:
    """One archive and what became of it.

    Attributes:
        source: the source it feeds.
        file: the archive's file name.
        files: regular files now in the source's folder.
        bytes: their size together.
        unpacked: False when they already lay there unchanged.
    """

    source: str
    file: str
    files: int
    bytes: int
    unpacked: bool


@dataclass(frozen=True)
class FetchSummary:
    """What :func:`fetch_archives` did, one entry per archive in order of sources."""

    archives: list[Fetched]

    def lines(self) -> list[str]:
        """One line per archive."""
        if not self.archives:
            return ["params.yaml names no archives; nothing to fetch"]
        return [
            f"{entry.source}: "
            + (f"unpacked {entry.file}" if entry.unpacked else f"{entry.file} was already fetched, nothing to do")
            + f" ({entry.files} files, {entry.bytes / 1e6:.1f} MB)"
            for entry in self.archives
        ]


def fetch_archives(study: Study, folder: Path) -> FetchSummary:
    """Unpacks the archives that ``params.yaml`` names into ``data/raw/<source>/``.

    A source whose folder holds exactly what the same archive left there is not touched,
    and its archive need not exist any more.

    Args:
        study: the study; its ``archives`` give file, SHA-256 and folders to strip.
        folder: where the archives lie.

    Raises:
        InputError: when an archive is missing in the folder.
        DataError: when a digest differs, an archive cannot be read, or one of its members
            is refused.
    """
    archives = sorted(study.params.archives.items())
    return FetchSummary([_fetch(study.raw(source), source, folder, archive) for source, archive in archives])


def _fetch(destination: Path, source: str, folder: Path, archive: Archive) -> Fetched:
    known = _unchanged(destination, archive)
    if known is not None:
        return Fetched(source, archive.file, known.files, known.bytes, unpacked=False)
    path = folder / archive.file
    if not path.is_file():
        origin = f"Get it from {archive.origin}" if archive.origin else "Get it from the data set's publisher"
        raise InputError(
            f"The archive {archive.file!r} of the source {source!r} is not in {folder}.",
            hint=f"{origin} and put it there, or name its folder with --from.",
        )
    found = sha256_file(path)
    if found != archive.sha256:
        raise DataError(
            f"its SHA-256 is {found}, but params.yaml expects {archive.sha256} (archives.{source}).",
            path=path,
            hint="Get the archive again, or correct the digest if this version is meant.",
        )
    with whole_folder(destination) as temporary:
        _unpack(path, temporary, strip=archive.strip, source=source)
        content = _content(temporary)
        write_json(temporary / RECEIPT, _receipt(archive, content))
    return Fetched(source, archive.file, content.files, content.bytes, unpacked=True)


@dataclass(frozen=True)
class _Content:
    """What lies in a source's folder."""

    files: int
    bytes: int
    digest: str


def _content(folder: Path) -> _Content:
    """Count, size and digest of a folder's files, but for the receipt."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / RECEIPT)
    return _Content(
        files=len(files),
        bytes=sum(path.stat().st_size for path in files),
        digest=digest_of([[path.relative_to(folder).as_posix(), sha256_file(path)] for path in files]),
    )


def _receipt(archive: Archive, content: _Content) -> dict[str, str | int]:
    return {"sha256": archive.sha256, "strip": archive.strip, **asdict(content)}


def _unchanged(folder: Path, archive: Archive) -> _Content | None:
    """What a folder holds, if that is exactly what the archive left there."""
    try:
        receipt = read_json(folder / RECEIPT)
    except (OSError, ValueError):
        return None
    content = _content(folder)
    return content if receipt == _receipt(archive, content) else None


@contextmanager
def _readable(path: Path) -> Iterator[tarfile.TarFile]:
    """Opens a tar archive of any compression; damage becomes a DataError."""
    try:
        with tarfile.open(path, "r:*") as tar:
            yield tar
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"cannot be unpacked: {error}.", path=path, hint="Get the archive again.") from None


def _unpack(path: Path, destination: Path, *, strip: int, source: str) -> None:
    with _readable(path) as tar:
        seen: set[PurePosixPath] = set()
        for member in progress(tar, f"unpack {path.name}"):
            target = _target(member, path, strip=strip, source=source)
            if target is None:
                continue
            if target in seen and not member.isdir():
                raise _refused(path, member, f"the archive holds {str(target)!r} twice")
            seen.add(target)
            tar.extract(member.replace(name=str(target), deep=False), destination, filter="data")


def _target(member: tarfile.TarInfo, path: Path, *, strip: int, source: str) -> PurePosixPath | None:
    """Where a member goes below the source's folder; None for a folder that is stripped.

    Raises:
        DataError: for anything but plain files and folders that stay inside.
    """
    name = PurePosixPath(member.name)
    if member.issym() or member.islnk():
        raise _refused(path, member, f"it is a link to {member.linkname!r}")
    if not (member.isreg() or member.isdir()):
        raise _refused(path, member, "it is neither a plain file nor a folder")
    if name.is_absolute() or "\\" in member.name or "\0" in member.name:
        raise _refused(path, member, "its path is not relative")
    if ".." in name.parts:
        raise _refused(path, member, "its path leaves the folder")
    kept = name.parts[strip:]
    if not kept and member.isdir():
        return None
    if not kept:
        raise DataError(
            f"nothing is left of the member {member.name!r} when {strip} leading folders are stripped.",
            path=path,
            hint=f"Lower archives.{source}.strip.",
        )
    return PurePosixPath(*kept)


def _refused(path: Path, member: tarfile.TarInfo, reason: str) -> DataError:
    return DataError(
        f"the member {member.name!r} is refused: {reason}.",
        path=path,
        hint="Do not trust this archive; nothing of it was kept.",
    )

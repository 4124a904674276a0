"""What raw files hold: their digests, as few as possible computed.

A file's stamp (size, time of writing, time of any change of its entry) is looked at first. When
it is the one under which the file was hashed, the digest is known. Stamps are kept outside the
outputs, since they differ between machines.

A write changes the stamp unless it falls into the same tick of the file system's clock as the
write before. So a stamp is kept only when it was older than a tick when hashing began, as git
treats "racily clean" entries of its index (git, Documentation/technical/racy-git.txt).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from mmbind.errors import DataError
from mmbind.files import read_json, sha256_file, write_json
from mmbind.sources.discover import Stamp

#: No file system's clock is coarser (FAT: 2 s).
TICK_NS = 2_000_000_000


class Contents(Mapping[str, str]):
    """Digests (SHA-256, hex) of raw files by path; each is computed when it is first asked for.

    Attributes:
        hashed: how many were computed.
    """

    def __init__(self, raw: Path, stamps: Mapping[str, Stamp], known: Mapping[str, str]) -> None:
        """Hashes nothing yet.

        Args:
            raw: the source's raw files.
            stamps: by path below it.
            known: digests by path, as far as they are known.
        """
        self._raw, self._stamps, self._known = raw, stamps, dict(known)
        self._sure = set(known)
        self._running: dict[str, Future[tuple[str, bool]]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._began = time.time_ns()
        self.hashed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __getitem__(self, path: str) -> str:
        """The digest of a file.

        Raises:
            KeyError: when it is none of the files.
            DataError: when it cannot be read, or is being written.
        """
        if path not in self._stamps:
            raise KeyError(path)
        if path not in self._known:
            self.begin([path])
            self._known[path], sure = self._running.pop(path).result()
            self.hashed += 1
            if sure:
                self._sure.add(path)
        return self._known[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stamps)

    def __len__(self) -> int:
        return len(self._stamps)

    def is_known(self, path: str) -> bool:
        """Whether a digest can be told without reading the file."""
        return path in self._known

    def is_young(self, path: str) -> bool:
        """Whether a file was written so lately that another write might leave its stamp as it is."""
        stamp = self._stamps[path]
        return max(stamp.mtime_ns, stamp.ctime_ns) + TICK_NS >= self._began

    def begin(self, paths: Iterable[str]) -> None:
        """Begins to hash files in another thread."""
        for path in paths:
            if path not in self._known and path not in self._running:
                self._pool = self._pool or ThreadPoolExecutor(1)
                self._running[path] = self._pool.submit(self._hash, path)

    def check(self, paths: Iterable[str]) -> None:
        """Makes sure that files are those that were found, after they were read.

        Raises:
            DataError: when one was written in the meantime.
        """
        for path in paths:
            if self._stamp(path) != self._stamps[path]:
                raise DataError(
                    "is being written: it changed while it was read.",
                    path=self._raw / path,
                    hint="Run again when it is finished; better land files by renaming them into place.",
                )

    def learn(self, digests: Mapping[str, str], sure: Iterable[str]) -> None:
        """Takes over what another process hashed."""
        self.hashed += sum(path not in self._known for path in digests)
        self._known |= digests
        self._sure.update(sure)

    @property
    def sure(self) -> list[str]:
        """Files whose digest is known and will hold as long as their stamp does."""
        return sorted(self._sure)

    def _hash(self, path: str) -> tuple[str, bool]:
        began, stamp = time.time_ns(), self._stamps[path]
        try:
            digest = sha256_file(self._raw / path)
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}.", path=self._raw / path) from None
        self.check([path])
        return digest, max(stamp.mtime_ns, stamp.ctime_ns) + TICK_NS < began

    def _stamp(self, path: str) -> Stamp:
        try:
            return Stamp.of((self._raw / path).stat())
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}.", path=self._raw / path) from None


def read_known(cache: Path, stamps: Mapping[str, Stamp]) -> dict[str, str]:
    """Digests of the files whose stamps are still those under which they were hashed.

    Args:
        cache: what :func:`write_known` left; missing or spoilt, it knows nothing.
        stamps: of the files now.
    """
    try:
        found = read_json(cache)
        return {path: found[path][0] for path, stamp in stamps.items() if found.get(path, [None])[1:] == [*stamp]}
    except (OSError, ValueError, TypeError, AttributeError, IndexError):
        return {}


def write_known(cache: Path, contents: Contents, stamps: Mapping[str, Stamp]) -> None:
    """Keeps the digests that hold as long as the files' stamps do."""
    sure = set(contents.sure)
    write_json(cache, {path: [contents[path], *stamp] for path, stamp in sorted(stamps.items()) if path in sure})

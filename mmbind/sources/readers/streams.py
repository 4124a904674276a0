"""Bytes of files, unpacked where their names end in ``.gz`` or ``.zst``.

A stream that ends early keeps what came before the end; one whose bytes are damaged (its
checksum fails, or it is no such stream) is refused as a whole, since nothing in it can be
trusted.

Sources: RFC 1952 (gzip members, several in a row, zero padding), RFC 8878 (zstd frames).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from mmbind.sources.rules import UNREADABLE
from mmbind.sources.table import FileProblem

#: Unpacked bytes that are asked of zstd at once.
_PIECE = 1 << 16
#: ``zlib``'s window bits for gzip's own header and checksum.
_GZIP = 16 + zlib.MAX_WBITS
#: Where a piece of a plain file is looked for an end of a line, so that it need not be put together anew.
_TAIL = 1 << 12


class CutOffError(Exception):
    """A packed stream ends early; its text is a sentence about it."""


def packed(path: Path) -> bool:
    """Whether a file's name says that it is packed."""
    return path.suffix.lower() in _UNPACK


def chunks(path: Path, size: int) -> Iterator[bytes]:
    """A file's bytes piece by piece (none empty), unpacked by its ending.

    Args:
        path: the file.
        size: bytes read at once; pieces of packed files may be longer or shorter.

    Raises:
        CutOffError: at the end of a packed stream that ends early, after all its bytes.
        FileProblem: when a packed stream is damaged.
    """
    return filter(None, _UNPACK.get(path.suffix.lower(), _by_lines)(path, size))


def _by_lines(path: Path, size: int) -> Iterator[bytes]:
    """Pieces of at most some bytes that end with a line where one ends in their last ``_TAIL`` bytes."""
    with path.open("rb", buffering=0) as stream:
        place = 0
        while True:
            stop = size
            if size > _TAIL:
                stream.seek(place + size - _TAIL)
                stop = size - _TAIL + (stream.read(_TAIL).rfind(b"\n") + 1 or _TAIL)
                stream.seek(place)
            chunk = stream.read(stop)
            if not chunk:
                return
            yield chunk
            place += len(chunk)


def _plain(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(size):
            yield chunk


def _gzip(path: Path, size: int) -> Iterator[bytes]:
    """Members of gzip one after the other, zeros behind them allowed."""
    member, started, ended = zlib.decompressobj(_GZIP), False, False
    for data in _plain(path, size):
        while data:
            if ended:
                data = data.lstrip(b"\0")
                if not data:
                    break
                member, started, ended = zlib.decompressobj(_GZIP), False, False
            try:
                piece = member.decompress(data, size)
            except zlib.error as error:
                raise _damaged("gzip", str(error)) from None
            started = True
            if piece:
                yield piece
            ended = member.eof
            data = member.unused_data if ended else member.unconsumed_tail
    if started and not ended:
        try:
            yield member.flush()
        except zlib.error as error:
            raise _damaged("gzip", str(error)) from None
        raise CutOffError("the gzip stream ends early here: this line is not whole, and more may be missing.")


def _zstd(path: Path, size: int) -> Iterator[bytes]:
    """Frames of zstd one after the other."""
    import pyarrow as pa

    given, held = 0, bytearray()
    try:
        with pa.CompressedInputStream(str(path), "zstd") as stream:
            while piece := stream.read(_PIECE):
                held += piece
                if len(held) >= size:
                    yield bytes(held)
                    given, held = given + len(held), bytearray()
    except (OSError, pa.ArrowException) as error:
        if "truncated" not in str(error).lower():
            raise _damaged("zstd", str(error)) from None
        yield bytes(held) + _zstd_rest(path, given + len(held))
        raise CutOffError("the zstd stream ends early here: this line is not whole, and more may be missing.") from None
    yield bytes(held)


def _zstd_rest(path: Path, given: int) -> bytes:
    """What a stream that ends early holds beyond the bytes already given: a read that meets its end gives none."""
    import pyarrow as pa

    rest = bytearray()
    with pa.CompressedInputStream(str(path), "zstd") as stream:
        while given:
            given -= len(stream.read(min(given, _PIECE)))
        with suppress(OSError, pa.ArrowException):
            while byte := stream.read(1):
                rest += byte
    return bytes(rest)


def _damaged(kind: str, reason: str) -> FileProblem:
    return FileProblem(UNREADABLE, f"it is no {kind} stream, or damaged: {reason.strip().splitlines()[0]}.")


_UNPACK: dict[str, Callable[[Path, int], Iterator[bytes]]] = {".gz": _gzip, ".zst": _zstd}

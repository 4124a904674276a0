"""Text files as blocks of whole lines, with their line numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.sources.readers.streams import CutOffError, chunks

#: Bytes of a block.
BLOCK = 1 << 24
_BOM = b"\xef\xbb\xbf"
_NEWLINE = 10

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LineBlock:
    """Whole lines of a file, each ended by one newline byte.

    Attributes:
        data: their bytes, without carriage returns before newlines.
        first: 1-based number of the first line.
        cut: why its only line is not whole, where a packed file ends early; else empty.
    """

    data: bytes
    first: int
    cut: str = ""

    @cached_property
    def values(self) -> npt.NDArray[np.uint8]:
        """The bytes as an array."""
        return np.frombuffer(self.data, dtype=np.uint8)

    @cached_property
    def stops(self) -> Integers:
        """Where each line's newline stands."""
        return np.flatnonzero(self.values == _NEWLINE)

    @cached_property
    def starts(self) -> Integers:
        """Where each line starts."""
        return np.concatenate([[0], self.stops[:-1] + 1])

    @cached_property
    def undecodable(self) -> Flags:
        """Which lines are not UTF-8."""
        flags = np.zeros(len(self.stops), dtype=np.bool_)
        if self.data.isascii() or _is_utf8(self.data):
            return flags
        suspects = np.unique(np.searchsorted(self.stops, np.flatnonzero(self.values >= 0x80)))
        flags[[line for line in suspects if not _is_utf8(self.line(int(line)))]] = True
        return flags

    def line(self, index: int) -> bytes:
        """The bytes of the line with this 0-based index, without its newline."""
        return self.data[self.starts[index] : self.stops[index]]

    def text(self, index: int) -> str:
        """The text of a line; bytes that are not UTF-8 are shown escaped."""
        return self.line(index).decode("utf-8", errors="backslashreplace")

    def count(self, byte: int) -> Integers:
        """How often a byte stands in each line."""
        return np.add.reduceat((self.values == byte).view(np.uint8), self.starts, dtype=np.int64)

    def only(self, lines: Flags) -> bytes:
        """The bytes of some lines, newlines included."""
        return self.data if lines.all() else self.values[np.repeat(lines, np.diff(self.stops, prepend=-1))].tobytes()

    def raw(self, lines: pl.Series) -> pl.Series:
        """The text of lines given by number (int64, repeats allowed), as strings."""
        wanted = lines.unique().sort()
        texts = pl.Series([self.text(line - self.first) for line in wanted], dtype=pl.String)
        return texts.gather(wanted.search_sorted(lines))


def line_blocks(path: Path, size: int = BLOCK) -> Iterator[LineBlock]:
    """Reads a file block by block, unpacked by its ending; a byte order mark is dropped.

    Args:
        path: the file.
        size: bytes read at once; a block ends with a whole line.

    Raises:
        FileProblem: when it is packed and damaged. One that only ends early gives its whole
            lines, then a last block with ``cut``.
    """
    first, cut = 1, ""
    pieces: list[bytes] = []
    stream = chunks(path, size)
    while True:
        try:
            chunk = next(stream, b"")
        except CutOffError as error:
            cut = str(error)
            break
        if not chunk:
            break
        if first == 1 and not pieces:
            chunk = chunk.removeprefix(_BOM)
        stop = chunk.rfind(b"\n") + 1
        if stop == 0:
            pieces.append(chunk)
            continue
        block = LineBlock(b"".join([*pieces, chunk[:stop]]).replace(b"\r\n", b"\n"), first)
        yield block
        first, pieces = first + len(block.stops), [chunk[stop:]]
    rest = b"".join(pieces)
    if rest or cut:
        yield LineBlock((rest + b"\n").replace(b"\r\n", b"\n"), first, cut)


def data_lines(block: LineBlock, comment: str | None) -> Flags:
    """Which lines are neither blank nor a comment; one that is cut off is, whatever it holds."""
    flags = (block.stops > block.starts) | bool(block.cut)
    if comment is None or block.cut:
        return flags
    prefix = comment.encode()
    suspects = np.flatnonzero(flags & (block.values[block.starts] == prefix[0]))
    flags[[line for line in suspects if block.line(int(line)).startswith(prefix)]] = False
    return flags


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

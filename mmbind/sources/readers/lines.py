"""Text files as blocks of whole lines, with their line numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.sources.readers.encodings import LINE_FEED, Encoding
from mmbind.sources.readers.scan import Scan, count_up_to, scan
from mmbind.sources.readers.streams import CutOffError, chunks

#: Bytes of a block.
BLOCK = 1 << 24
_UTF8 = Encoding()
_COMMA, _BLANK = 0x2C, 0x20

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LineBlock:
    """Whole lines of a file, each ended by one newline byte.

    Attributes:
        data: their text in UTF-8, without carriage returns before newlines.
        first: 1-based number of the first line.
        source: the file's own bytes of them.
        encoding: how those are text.
        foreign: 0-based numbers of lines that are not of this encoding, if it is not UTF-8.
        cut: why its only line is not whole, where a packed file ends early; else empty.
        counted: code of the byte that is counted while lines are looked for.
    """

    data: bytes
    first: int
    source: bytes
    encoding: Encoding = _UTF8
    foreign: Sequence[int] = ()
    cut: str = ""
    counted: int = _COMMA

    @classmethod
    def of(cls, source: bytes, first: int, encoding: Encoding, cut: str = "", counted: int = _COMMA) -> LineBlock:
        """Decodes lines.

        Args:
            source: the file's own bytes; the last line may lack its end.
            first: number of the first line.
            encoding: how they are text.
            cut: see above.
            counted: see above.
        """
        data, foreign = encoding.utf8(source.removeprefix(encoding.mark) if first == 1 else source)
        return cls(data if data.endswith(b"\n") else data + b"\n", first, source, encoding, foreign, cut, counted)

    @cached_property
    def values(self) -> npt.NDArray[np.uint8]:
        """The bytes as an array."""
        return np.frombuffer(self.data, dtype=np.uint8)

    @cached_property
    def _scan(self) -> Scan:
        return scan(self.values, self.counted)

    @property
    def stops(self) -> Integers:
        """Where each line's newline stands."""
        return self._scan.stops

    @cached_property
    def starts(self) -> Integers:
        """Where each line starts."""
        return np.concatenate([[0], self.stops[:-1] + 1])

    @cached_property
    def tight(self) -> bool:
        """Whether it is ASCII without any blank, tab or control but newlines: then no field needs to be trimmed."""
        return self._ascii and count_up_to(self.values, _BLANK) == len(self.stops)

    @cached_property
    def _ascii(self) -> bool:
        return self.data.isascii()

    @cached_property
    def empty(self) -> bool:
        """Whether some line is."""
        return bool((self.stops == self.starts).any())

    @cached_property
    def undecodable(self) -> Flags:
        """Which lines are not of the encoding."""
        flags = np.zeros(len(self.stops), dtype=np.bool_)
        flags[list(self.foreign)] = True
        if self._ascii or _is_utf8(self.data):
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
        if byte == self.counted:
            return self._scan.counts
        before = np.searchsorted(np.flatnonzero(self.values == byte), self.stops)
        return np.diff(before, prepend=0)

    def only(self, lines: Flags) -> bytes:
        """The bytes of some lines, newlines included; runs of lines are copied at once."""
        if lines.all():
            return self.data
        edges = np.flatnonzero(np.diff(lines, prepend=False, append=False))
        begins, ends = self.starts[edges[::2]].tolist(), (self.stops[edges[1::2] - 1] + 1).tolist()
        whole = memoryview(self.data)
        return b"".join([whole[begin:end] for begin, end in zip(begins, ends, strict=True)])

    def raw(self, lines: pl.Series) -> pl.Series:
        """The file's own bytes of lines given by number (int64, repeats allowed), as binary.

        Of a line's end, only the line feed (where lines end with one) is no part of it.
        """
        numbers = lines.to_numpy() - self.first
        starts, stops = self._edges
        found: dict[int, bytes] = {}
        for number, start, stop in zip(
            numbers.tolist(), starts[numbers].tolist(), stops[numbers].tolist(), strict=True
        ):
            if number not in found:
                found[number] = self.source[start:stop]
        return pl.Series([found[number] for number in numbers.tolist()], dtype=pl.Binary)

    @cached_property
    def _edges(self) -> tuple[Integers, Integers]:
        """Where lines start and stop in the file's own bytes."""
        if self.source is self.data:
            return self.starts, self.stops
        ends = self.encoding.ends(self.source)
        return np.append(0, ends + self.encoding.unit.itemsize), np.append(ends, len(self.source))


def line_blocks(
    path: Path, size: int = BLOCK, *, codec: str = "utf-8", end: int = LINE_FEED, counted: int = _COMMA
) -> Iterator[LineBlock]:
    """Reads a file block by block, unpacked by its ending; a byte order mark is no text.

    Args:
        path: the file.
        size: bytes read at once; a block ends with a whole line.
        codec: the encoding's name.
        end: code of the character that ends lines.
        counted: code of the byte that is counted in each line.

    Raises:
        FileProblem: when it is packed and damaged. One that only ends early gives its whole
            lines, then a last block with ``cut``.
    """
    first, cut = 1, ""
    encoding = Encoding.of(path, codec, end)
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
        if encoding.unit.itemsize > 1:
            chunk, pieces = b"".join([*pieces, chunk]), []
        stop = encoding.whole(chunk)
        if stop == 0:
            pieces.append(chunk)
            continue
        whole = chunk if not pieces and stop == len(chunk) else b"".join([*pieces, memoryview(chunk)[:stop]])
        block = LineBlock.of(whole, first, encoding, counted=counted)
        yield block
        first, pieces = first + len(block.stops), [chunk[stop:]] if stop < len(chunk) else []
    rest = b"".join(pieces)
    if rest or cut:
        yield LineBlock.of(rest, first, encoding, cut, counted)


def data_lines(block: LineBlock, comments: Sequence[str] = ()) -> Flags:
    """Which lines are neither empty nor start with a comment's mark; one that is cut off is, whatever it holds."""
    flags = (block.stops > block.starts) | bool(block.cut)
    for prefix in () if block.cut else map(str.encode, comments):
        suspects = np.flatnonzero(flags & (block.values[block.starts] == prefix[0]))
        flags[[line for line in suspects if block.line(int(line)).startswith(prefix)]] = False
    return flags


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

"""Encodings of text: where lines end in a file's bytes, and the same lines as UTF-8.

A code unit of UTF-16 has two bytes, one of UTF-32 four, so that an end of a line is only one
where a unit starts. All other encodings that are taken agree with ASCII byte for byte.

Source: The Unicode Standard, section 3.10, Unicode Encoding Schemes (byte order marks).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmbind.sources.readers.streams import CutOffError, chunks

#: Codes of what ends a line.
LINE_FEED, CARRIAGE_RETURN = 10, 13
#: Byte order marks by codec; a codec without a byte order takes the first that fits.
_MARKS = {
    "utf-8": b"\xef\xbb\xbf",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-32-le": b"\xff\xfe\0\0",
    "utf-32-be": b"\0\0\xfe\xff",
}


@dataclass(frozen=True)
class Encoding:
    """How a file's bytes are text.

    Attributes:
        codec: Python's name of it, byte order included.
        end: code of the character that ends lines.
    """

    codec: str = "utf-8"
    end: int = LINE_FEED

    @classmethod
    def of(cls, path: Path, codec: str, end: int = LINE_FEED) -> Encoding:
        """The encoding of a file, whose mark tells the byte order where the codec does not (else little endian)."""
        if codec in ("utf-16", "utf-32"):
            head = _head(path)
            orders = (f"{codec}-le", f"{codec}-be")
            codec = next((each for each in orders if head.startswith(_MARKS[each])), orders[0])
        return cls(codec, end)

    @cached_property
    def unit(self) -> np.dtype[np.uint8] | np.dtype[np.uint16] | np.dtype[np.uint32]:
        """A code unit."""
        size = {"utf-16": 2, "utf-32": 4}.get(self.codec[:6], 1)
        return np.dtype(f"{'>' if self.codec.endswith('-be') else '<'}u{size}")

    @property
    def mark(self) -> bytes:
        """Its byte order mark, which may start a file and is no text; empty where there is none."""
        return _MARKS.get(self.codec, b"")

    def ends(self, data: bytes) -> npt.NDArray[np.int64]:
        """Where the characters that end lines start, in bytes."""
        size = self.unit.itemsize
        units = np.frombuffer(data, self.unit, len(data) // size)
        return np.flatnonzero(units == self.end) * size

    def whole(self, data: bytes) -> int:
        """Bytes up to the end of the last whole line."""
        if self.unit.itemsize == 1:
            return data.rfind(self.end) + 1
        ends = self.ends(data)
        return int(ends[-1]) + self.unit.itemsize if len(ends) else 0

    def utf8(self, data: bytes) -> tuple[bytes, list[int]]:
        """The same lines as UTF-8, each ended by a line feed alone.

        Args:
            data: whole lines, the last perhaps without its end; no mark.

        Returns:
            Their bytes, and the 0-based numbers of lines that are not of this encoding, whose
            bytes are shown escaped; UTF-8 is taken as it is.
        """
        undecodable: list[int] = []
        if self.codec != "utf-8":
            try:
                data = data.decode(self.codec).encode()
            except UnicodeDecodeError:
                data, undecodable = self._line_by_line(data)
        if self.end == CARRIAGE_RETURN:
            return data.replace(b"\r\n", b"\r").replace(b"\n", b" ").replace(b"\r", b"\n"), undecodable
        return data.replace(b"\r\n", b"\n") if b"\r" in data else data, undecodable

    def _line_by_line(self, data: bytes) -> tuple[bytes, list[int]]:
        lines: list[bytes] = []
        undecodable: list[int] = []
        for number, line in enumerate(self._lines(data)):
            try:
                lines.append(line.decode(self.codec).encode())
            except UnicodeDecodeError:
                undecodable.append(number)
                lines.append(line.decode(self.codec, errors="backslashreplace").encode())
        return bytes([self.end]).join(lines), undecodable

    def _lines(self, data: bytes) -> Iterator[bytes]:
        start = 0
        for end in self.ends(data).tolist():
            yield data[start:end]
            start = end + self.unit.itemsize
        yield data[start:]


def foreign_mark(data: bytes) -> str:
    """Which of UTF-16 and UTF-32 a file's first bytes are the mark of; empty for neither."""
    found = [codec[:6] for codec, mark in _MARKS.items() if codec != "utf-8" and data.startswith(mark)]
    return found[-1] if found else ""


def _head(path: Path) -> bytes:
    """A file's first bytes, enough for any mark."""
    head = b""
    with suppress(CutOffError):
        for chunk in chunks(path, 64):
            head += chunk
            if len(head) >= max(map(len, _MARKS.values())):
                break
    return head

"""Text files read the slow and plain way, line by line: what the readers are held to."""

from __future__ import annotations

import csv
import json
import math
from bisect import bisect_left
from functools import cached_property
from typing import Any

from mmbind.config import DelimitedReader, JsonlReader, Source

#: Marks that start files, by codec.
_MARKS = {"utf-8": "\ufeff".encode(), "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


class Text:
    """A file of lines.

    Attributes:
        data: its bytes.
        source: how to read it.
    """

    def __init__(self, data: bytes, source: Source) -> None:
        """Keeps both."""
        self.data, self.source = data, source
        delimited = isinstance(source.reader, DelimitedReader)
        self.reader = source.reader if delimited else DelimitedReader(format="delimited", header=False)

    @cached_property
    def codec(self) -> str:
        """The encoding, its byte order told by the mark."""
        if self.reader.encoding != "utf-16":
            return self.reader.encoding
        return "utf-16-be" if self.data.startswith(_MARKS["utf-16-be"]) else "utf-16-le"

    @cached_property
    def unit(self) -> int:
        """Bytes of a code unit."""
        return 2 if self.codec.startswith("utf-16") else 1

    @cached_property
    def ends(self) -> list[int]:
        """Where the ends of lines stand, in bytes."""
        end = ("\r" if self.reader.newline == "cr" else "\n").encode(self.codec)
        return [at for at in range(0, len(self.data), self.unit) if self.data[at : at + self.unit] == end]

    @cached_property
    def lines(self) -> list[bytes]:
        """The lines' own bytes, without their ends."""
        starts = [0, *(end + self.unit for end in self.ends)]
        return [self.data[start:end] for start, end in zip(starts, [*self.ends, len(self.data)], strict=True)]

    def line_of(self, at: int) -> tuple[int, bool]:
        """Number of the line that a byte lies in, and whether it is (part of) its end."""
        at -= at % self.unit
        number = bisect_left(self.ends, at) + 1
        return number, at in self.ends[number - 1 : number]

    def text(self, number: int) -> str | None:
        """A line without its mark and carriage return; None when it cannot be decoded."""
        line = self.lines[number - 1]
        try:
            text = (line.removeprefix(_MARKS.get(self.codec, b"")) if number == 1 else line).decode(self.codec)
        except UnicodeDecodeError:
            return None
        return text.replace("\n", " ") if self.reader.newline == "cr" else text.removesuffix("\r")

    @cached_property
    def header(self) -> int:
        """Number of the header's line, or of the first line with data where there is no header; 0 for neither."""
        return next(iter(self._told), 0)

    @cached_property
    def data_lines(self) -> list[int]:
        """Numbers of the lines that are to be readings."""
        if not self.reader.header:
            return list(self._told)
        header = self._told.get(self.header)
        return [
            number for number, text in self._told.items() if number != self.header and (text, text) != (header,) * 2
        ]

    @cached_property
    def _told(self) -> dict[int, str]:
        """Lines that are neither blank, nor skipped, nor comments."""
        marks = [self.reader.comment] if isinstance(self.reader.comment, str) else self.reader.comment or []
        told: dict[int, str] = {}
        for number in range(self.reader.skip_lines + 1, len(self.lines) + 1):
            text = self.text(number)
            shown = self.lines[number - 1].decode(self.codec, "backslashreplace") if text is None else text
            if shown.strip(" \t\r\n\v\f") and not shown.startswith(tuple(marks)):
                told[number] = shown
        return told

    def values(self, number: int, columns: list[str | int]) -> list[float | None] | None:
        """What a line's columns hold, None for nothing; no list where they cannot be told as numbers."""
        text = self.text(number)
        if text is None:
            return None
        try:
            return [self._number(cell) for cell in self._cells(text, columns)]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError, csv.Error):
            return None

    def _cells(self, text: str, columns: list[str | int]) -> list[Any]:
        if isinstance(self.source.reader, JsonlReader):
            return [_picked(json.loads(text), str(column)) for column in columns]
        fields = self._fields(text)
        names = list(map(str, range(len(fields))))
        if self.reader.header:
            names = [name.strip() for name in self._fields(self._told[self.header])]
        if len(fields) != len(names):
            raise ValueError(text)
        return [fields[names.index(str(column))] for column in columns]

    def _fields(self, text: str) -> list[str]:
        if self.reader.terminator is not None:
            text = text.rstrip(" \t")
            if not text.endswith(self.reader.terminator):
                raise ValueError(text)
            text = text.removesuffix(self.reader.terminator)
        separator = self.reader.separator
        if separator == "whitespace":
            separator, text = " ", " ".join(text.replace("\t", " ").split(" ")).strip(" ")
            while "  " in text:
                text = text.replace("  ", " ")
        if '"' not in text:
            return text.split(separator)
        return next(csv.reader([text], delimiter=separator, skipinitialspace=separator != " "))

    def _number(self, cell: Any) -> float | None:
        if not isinstance(cell, str):
            if isinstance(cell, bool) or not isinstance(cell, int | float | None):
                raise TypeError(cell)
            return None if cell is None else float(cell)
        if self.reader.decimal == ",":
            cell = cell.translate({ord(","): ".", ord("."): ","})
        if "_" in cell or not cell.isascii():
            raise ValueError(cell)
        return float(cell) if cell.strip() else None


def _picked(record: Any, path: str) -> Any:
    for key in path.split("."):
        if key not in record:
            return None
        record = record[key]
    return record


def same(found: list[float | None], wanted: list[float | None] | None) -> bool:
    """Whether readings are what stands there."""
    if wanted is None or len(found) != len(wanted):
        return False
    return all(
        (a is None and b is None) or (a is not None and b is not None and (a == b or (math.isnan(a) and math.isnan(b))))
        for a, b in zip(found, wanted, strict=True)
    )

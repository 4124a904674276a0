"""Dialects of delimited text: how a line becomes fields, and what polars can parse of it.

Lines without quotes are put into the plain form that polars parses, many at once; any line
is split by :meth:`Dialect.split`, one at a time. Both give the same fields.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import polars as pl

from mmbind.config import DelimitedReader
from mmbind.sources.readers.lines import Flags, Integers, LineBlock

#: A field between runs of blanks: quoted, quotes inside doubled, or without any quote.
_WORD = re.compile(r'[ \t]*(?:"((?:[^"]|"")*)"|([^ \t"]+))(?=[ \t]|$)')
#: What a decimal comma is exchanged for, and back.
_SWAP = bytes.maketrans(b",.", b".,")
_UNCLOSED = "a quote is not closed, or text stands behind it."
_BLANK, _TAB, _NEWLINE = b" \t\n"

Texts = TypeVar("Texts", pl.Expr, pl.Series)


class SplitError(Exception):
    """A line that is no row of fields; its text is the reason."""


@dataclass(frozen=True)
class Dialect:
    """How a file's lines are fields.

    Attributes:
        reader: the options.
    """

    reader: DelimitedReader

    @cached_property
    def separator(self) -> str:
        """The one character between fields in the plain form."""
        return " " if self.reader.separator == "whitespace" else self.reader.separator

    def widths(self, lines: LineBlock) -> Integers:
        """Fields of each line, as far as it holds no quotes."""
        if self.reader.separator != "whitespace":
            own_end = self.reader.terminator == self.separator
            return lines.count(ord(self.separator)) + (not own_end)
        blank = (lines.values == _BLANK) | (lines.values == _TAB) | (lines.values == _NEWLINE)
        if self.reader.terminator is not None:
            last = np.maximum(lines.stops - 1, lines.starts)
            blank[last] |= lines.values[last] == ord(self.reader.terminator)
        starts = ~blank & np.concatenate([[True], blank[:-1]])
        counts: Integers = np.add.reduceat(starts.view(np.uint8), lines.starts, dtype=np.int64)
        return counts

    def unended(self, lines: LineBlock) -> Flags | bool:
        """Which lines do not just end with the terminator, if there is one."""
        if self.reader.terminator is None:
            return False
        last = np.maximum(lines.stops - 1, lines.starts)
        flags: Flags = lines.values[last] != ord(self.reader.terminator)
        return flags

    def plain(self, data: bytes) -> bytes:
        """Lines without quotes, ended by the terminator, as polars parses them: one separator, a decimal point.

        With a decimal comma, points become commas, so that no number with a point passes;
        :meth:`exchanged` undoes that for texts.
        """
        if self.reader.terminator is not None:
            data = data.replace(self.reader.terminator.encode() + b"\n", b"\n")
        if self.reader.separator == "whitespace":
            data = data.replace(b"\t", b" ")
            while b"  " in data:
                data = data.replace(b"  ", b" ")
            data = data.replace(b"\n ", b"\n").replace(b" \n", b"\n").removeprefix(b" ")
        return data.translate(_SWAP) if self.reader.decimal == "," else data

    def exchanged(self, texts: Texts) -> Texts:
        """Texts with points and commas exchanged, where the decimal mark is a comma."""
        return texts.str.replace_many([",", "."], [".", ","]) if self.reader.decimal == "," else texts

    def times(self, texts: pl.Series) -> pl.Series:
        """Times with a decimal point: numbers, and fractions of a second at the end of dates."""
        if self.reader.decimal == ".":
            return texts
        number = texts.str.contains(r"^[\s0-9.,eE+-]*$")
        fraction = texts.str.replace(r",(\d+\s*(?:Z|[+-]\d\d:?\d\d)?\s*)$", ".${1}")
        return self.exchanged(texts).zip_with(number, fraction)

    def split(self, text: str) -> list[str]:
        """The fields of a line, quotes resolved.

        Raises:
            SplitError: when a quote is not closed, or the terminator is missing.
        """
        if self.reader.terminator is not None:
            ended = text.rstrip(" \t" if self.reader.terminator not in " \t" else "")
            if not ended.endswith(self.reader.terminator):
                raise SplitError(f"the line does not end with {self.reader.terminator!r}.")
            text = ended.removesuffix(self.reader.terminator)
        if self.reader.separator == "whitespace":
            return _words(text)
        if '"' not in text:
            return text.split(self.separator)
        try:
            initial = self.separator != " "
            return next(csv.reader([text], delimiter=self.separator, skipinitialspace=initial, strict=True))
        except csv.Error:
            raise SplitError(_UNCLOSED) from None


def _words(text: str) -> list[str]:
    if '"' not in text:
        return re.findall(r"[^ \t]+", text)
    words: list[str] = []
    at, text = 0, text.rstrip(" \t")
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise SplitError(_UNCLOSED)
        words.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        at = found.end()
    return words


def comments(reader: DelimitedReader) -> Sequence[str]:
    """The marks that start comments."""
    if reader.comment is None:
        return ()
    return [reader.comment] if isinstance(reader.comment, str) else reader.comment

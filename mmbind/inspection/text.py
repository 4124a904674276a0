"""Delimited text never seen before: encoding, line ends, comments, header, separator, decimal mark."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from mmbind.inspection.evidence import ROWS, Sample, Table
from mmbind.sources.readers.encodings import foreign_mark

#: Separators in order of preference.
SEPARATORS = (",", ";", "\t", "|", "whitespace")
#: What starts a comment, if it does so before the data.
MARKS = ("#", "%", "//", "@", "!", ";", "*")
#: Lines that vote for a dialect.
VOTERS = 400
#: Of a column's filled cells, how many must be numbers.
NUMBERS = 0.95
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE)


@dataclass(frozen=True)
class _Dialect:
    separator: str
    decimal: str
    terminator: str
    width: int
    score: float

    def split(self, line: str) -> list[str] | None:
        """The fields of a line, stripped; None for one without the terminator."""
        if self.terminator:
            if not line.rstrip().endswith(self.terminator):
                return None
            line = line.rstrip()[: -len(self.terminator)]
        if self.separator == "whitespace":
            return line.split()
        if '"' in line:
            try:
                return [field.strip() for field in next(csv.reader([line], delimiter=self.separator))]
            except csv.Error:
                return None
        return [field.strip() for field in line.split(self.separator)]

    def number(self, text: str) -> float | None:
        """A field as a number; None when it is none."""
        plain = text.replace(",", ".") if self.decimal == "," and "." not in text else text
        return float(plain) if _NUMBER.fullmatch(plain) else None


def sample_text(path: str, data: bytes, *, whole: bool) -> Sample | None:
    """Looks at delimited text.

    Args:
        path: for the sample.
        data: the file's first bytes, unpacked.
        whole: whether they are all; else the last line may be cut.

    Returns:
        None when no line holds numbers.
    """
    doubts: list[str] = []
    encoding, text = _decoded(data, doubts)
    newline = "cr" if "\n" not in text and "\r" in text else "lf"
    lines = re.split(r"\r\n?" if newline == "cr" else r"\r?\n", text)
    lines = lines if whole else lines[:-1]
    body = [line for line in lines[len(lines) // 2 :] if line.strip() and not line.startswith(MARKS[:3])][:VOTERS]
    dialect = _dialect(body)
    if dialect is None:
        return None
    typical = Counter(_numeric(line, dialect) for line in body).most_common(1)[0][0]
    first = next((at for at, line in enumerate(lines) if _is_data(line, dialect, typical)), None)
    if first is None:
        return None
    options: dict[str, object] = {"format": "delimited", "separator": dialect.separator}
    names, told = _preamble(lines[:first], dialect, options, doubts)
    if any(line.startswith("#") for line in lines[first:]) and "comment" not in options:
        options["comment"] = "#"
    for key, value, usual in (
        ("terminator", dialect.terminator, ""),
        ("decimal", dialect.decimal, "."),
        ("encoding", encoding, "utf-8"),
        ("newline", newline, "lf"),
    ):
        if value != usual:
            options[key] = value
    rows = [fields for line in lines[first:] if (fields := _fields(line, dialect)) is not None][:ROWS]
    columns = {name: _column(name, [row[at] for row in rows], dialect) for at, name in enumerate(names)}
    return Sample(path, options, [Table(columns, told)], doubts)


def _decoded(data: bytes, doubts: list[str]) -> tuple[str, str]:
    mark = foreign_mark(data)
    if not mark and data[:400].count(b"\0") > len(data[:400]) // 4:
        mark = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    for encoding in [mark] if mark else ["utf-8", "cp1252"]:
        cut = data if mark else data[: data.rfind(b"\n") + 1] or data
        try:
            text = cut.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "cp1252":
            doubts.append("encoding: not UTF-8; cp1252 is the usual other one")
        return encoding, text.removeprefix("\ufeff")
    return "latin-1", data.decode("latin-1")


def _dialect(body: Sequence[str]) -> _Dialect | None:
    best: _Dialect | None = None
    ends = [mark for mark in (";", ",", "|") if body and all(line.rstrip().endswith(mark) for line in body)]
    for terminator in ["", *ends]:
        for decimal in (".", ","):
            for separator in SEPARATORS:
                if decimal in (separator, terminator):
                    continue
                found = _scored(body, _Dialect(separator, decimal, terminator, 0, 0.0))
                if best is None or (found.score, found.width) > (best.score, best.width):
                    best = found
    return best if best is not None and best.score > 0.2 else None


def _scored(body: Sequence[str], dialect: _Dialect) -> _Dialect:
    rows = [row for line in body if (row := dialect.split(line)) is not None]
    if not rows:
        return dialect
    width, count = Counter(map(len, rows)).most_common(1)[0]
    fields = [field for row in rows if len(row) == width for field in row]
    numbers = sum(dialect.number(field) is not None for field in fields) / max(len(fields), 1)
    return _Dialect(
        dialect.separator, dialect.decimal, dialect.terminator, width, round(numbers * count / len(body), 3)
    )


def _numeric(line: str, dialect: _Dialect) -> int:
    return sum(dialect.number(field) is not None for field in dialect.split(line) or [])


def _fields(line: str, dialect: _Dialect) -> list[str] | None:
    fields = dialect.split(line)
    return fields if fields is not None and len(fields) == dialect.width else None


def _is_data(line: str, dialect: _Dialect, typical: int) -> bool:
    return _fields(line, dialect) is not None and 2 * _numeric(line, dialect) >= max(typical, 1)


def _preamble(
    before: Sequence[str], dialect: _Dialect, options: dict[str, object], doubts: list[str]
) -> tuple[list[str], dict[str, str]]:
    """Header, comments and skipped lines; returns the columns' names, and what comments call them."""
    filled = [(at, line) for at, line in enumerate(before) if line.strip()]
    header = None
    if filled and not filled[-1][1].startswith(MARKS) and _names(filled[-1][1], dialect):
        header = filled.pop()
    marks = sorted({mark for _, line in filled for mark in MARKS if line.startswith(mark)})
    unmarked = [at for at, line in filled if not line.startswith(MARKS)]
    if unmarked:
        options["skip_lines"] = max(at for at, _ in filled) + 1
    elif marks:
        options["comment"] = marks[0] if len(marks) == 1 else marks
    if header is not None:
        return _names(header[1], dialect) or [], {}
    options["header"] = False
    names = [str(number) for number in range(dialect.width)]
    for _, line in reversed(filled):
        told = _names(line.lstrip("".join(MARKS)).strip(), dialect)
        if told:
            doubts.append(f"columns: no header; a comment calls them {', '.join(told)}")
            return names, dict(zip(names, told, strict=True))
    return names, {}


def _names(line: str, dialect: _Dialect) -> list[str] | None:
    """The fields of a line of names: as many as there are columns, and no numbers."""
    fields = dialect.split(line)
    if fields is None and dialect.terminator:
        fields = dialect.split(line + dialect.terminator)
    if fields is None or len(fields) != dialect.width or len(set(fields)) != len(fields) or not all(fields):
        return None
    return None if any(dialect.number(field) is not None for field in fields) else fields


def _column(name: str, texts: Sequence[str], dialect: _Dialect) -> pl.Series:
    filled = [text for text in texts if text]
    numbers = [dialect.number(text) for text in texts]
    if filled and sum(number is not None for number in numbers) >= NUMBERS * len(filled):
        return pl.Series(name, numbers, dtype=pl.Float64)
    return pl.Series(name, texts, dtype=pl.String)

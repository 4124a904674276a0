"""Where a delimited text file's columns stand, and which of its lines are to be readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.config import DelimitedReader, ModalitySource
from mmbind.sources.readers.dialect import Dialect, SplitError, comments
from mmbind.sources.readers.encodings import CARRIAGE_RETURN, LINE_FEED, foreign_mark
from mmbind.sources.readers.lines import Flags, LineBlock, data_lines, line_blocks
from mmbind.sources.rules import EMPTY_FILE, UNREADABLE
from mmbind.sources.table import FileProblem, Sensors

#: Bytes that are read to find the header.
PEEK = 1 << 16
#: Lines of a file without a header that tell how many columns it has.
VOTERS = 1000
#: What opens and closes a field that may hold separators.
QUOTE = b'"'


@dataclass(frozen=True)
class Layout:
    """Where a file's columns stand.

    Attributes:
        dialect: how its lines are fields.
        names: the file's columns.
        header: the header's line as UTF-8; None without one.
        values: per modality, positions of its channels.
        times: per modality, position of its time, None where none is needed.
        label: position of the label, None for none.
        sensor: position of the sensor's name, None in wide files.
        sensors: sorts the lines of a long file.
        whole: positions of times that may be whole numbers: polars parses those at once, and
            to the same value as their texts.
    """

    dialect: Dialect
    names: list[str]
    header: bytes | None
    values: dict[str, list[int]]
    times: dict[str, int | None]
    label: int | None
    sensor: int | None
    sensors: Sensors
    whole: frozenset[int] = frozenset()

    @cached_property
    def figures(self) -> list[int]:
        """Positions of values."""
        return sorted({p for positions in self.values.values() for p in positions})

    @cached_property
    def types(self) -> dict[int, type[pl.DataType]]:
        """Types of the positions that are taken, in order; times, labels and sensors stay text."""
        texts = [p for p in [*self.times.values(), self.label, self.sensor] if p is not None]
        types = {**dict.fromkeys(self.figures, pl.Float64), **dict.fromkeys(texts, pl.String)}
        return dict(sorted((types | dict.fromkeys(self.whole, pl.Int64)).items()))

    def data(self, lines: LineBlock) -> Flags:
        """Which lines are to be readings: no comment, no header, not skipped, not blank."""
        return _data(lines, self.dialect.reader, self.header)


def perhaps_whole(layout: Layout, present: Mapping[str, ModalitySource]) -> frozenset[int]:
    """Positions of times that are numbers, if they are times and nothing else."""
    if layout.dialect.reader.decimal != ".":
        return frozenset()
    numbers = {layout.times[name] for name, spec in present.items() if getattr(spec.clock, "unit", None) != "iso8601"}
    texts = {layout.times[name] for name, spec in present.items() if getattr(spec.clock, "unit", None) == "iso8601"}
    others = {None, layout.label, layout.sensor, *layout.figures}
    return frozenset(position for position in numbers - texts - others if position is not None)


def file_lines(path: Path, reader: DelimitedReader, *size: int) -> Iterator[LineBlock]:
    """A file's lines, block by block, of some bytes each."""
    end = CARRIAGE_RETURN if reader.newline == "cr" else LINE_FEED
    counted = ord(Dialect(reader).separator)
    return line_blocks(path, *size, codec=reader.encoding, end=end, counted=counted)


def find_columns(path: Path, reader: DelimitedReader) -> tuple[list[str], bytes | None]:
    """The file's columns, and the header's line (None without one)."""
    dialect = Dialect(reader)
    for block in file_lines(path, reader, PEEK):
        if block.first == 1:
            _check_text(block, reader)
        places = np.flatnonzero(_data(block, reader)).tolist()
        filled = (index for index in places if block.line(index).strip())
        header = next(filled, None)
        if header is None:
            continue
        if not reader.header:
            voters = [header, *islice(filled, VOTERS - 1)]
            return [str(number) for number in range(_usual_width(block, voters, dialect))], None
        try:
            names = dialect.split(block.text(header))
        except SplitError as error:
            raise FileProblem(UNREADABLE, f"its header, line {block.first + header}: {error}") from None
        return [name.strip() for name in names], block.line(header)
    raise FileProblem(EMPTY_FILE, "the file holds no line with data.")


def _usual_width(lines: LineBlock, voters: list[int], dialect: Dialect) -> int:
    """How many fields most of some lines have; those with an open quote do not count."""
    widths = dialect.widths(lines)
    counts = Counter[int]()
    for index in voters:
        try:
            width = len(dialect.split(lines.text(index))) if QUOTE in lines.line(index) else int(widths[index])
        except SplitError:
            continue
        counts[width] += 1
    return max(counts, key=lambda width: (counts[width], -width), default=1)


def _check_text(block: LineBlock, reader: DelimitedReader) -> None:
    """Refuses a file whose first lines show another encoding, or another end of lines."""
    mark = foreign_mark(block.source)
    if mark and not reader.encoding.startswith(mark):
        raise FileProblem(UNREADABLE, f"it starts with the mark of {mark.upper()}; set reader.encoding to {mark}.")
    if reader.newline == "lf" and len(block.stops) == 1 and b"\r" in block.data.rstrip():
        raise FileProblem(UNREADABLE, "its lines end with carriage returns alone; set reader.newline to cr.")


def _data(lines: LineBlock, reader: DelimitedReader, header: bytes | None = None) -> Flags:
    data = data_lines(lines, comments(reader))
    data[: max(0, reader.skip_lines - lines.first + 1)] = False
    if header is not None and not lines.cut:
        data[_equal(lines, header)] = False
    return data


def _equal(lines: LineBlock, line: bytes) -> list[int]:
    """0-based numbers of the lines that are just this one."""
    alike = np.flatnonzero(lines.stops - lines.starts == len(line))
    if line:
        alike = alike[lines.values[lines.starts[alike]] == line[0]]
    return [number for number in alike.tolist() if lines.line(number) == line]

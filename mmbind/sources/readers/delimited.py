"""Delimited text.

Most lines are plain: the right number of separators, no quotes, numbers where numbers
belong. polars parses those at once. The others are taken apart one by one, and either give
the same columns or a reason why not. No value is ever guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.config import DelimitedReader, ModalitySource, Source
from mmbind.sources.readers.dialect import Dialect, SplitError, comments
from mmbind.sources.readers.encodings import CARRIAGE_RETURN, LINE_FEED, foreign_mark
from mmbind.sources.readers.lines import Flags, Integers, LineBlock, data_lines, line_blocks
from mmbind.sources.table import (
    Block,
    FileProblem,
    RawFile,
    Sensors,
    broken_frame,
    find_missing,
    lacking,
    position,
    time_column,
)

#: Bytes that are read to find the header.
PEEK = 1 << 16
#: Lines of a file without a header that tell how many columns it has.
VOTERS = 1000
_QUOTE = b'"'

#: Broken lines: modality (None for all), line, reason.
_Broken = list[tuple[str | None, int, str]]


#: Blocks of a file whose times turned out not to be whole numbers, before all are taken for texts.
ATTEMPTS = 2


class _NotWholeError(Exception):
    """A time is no whole number."""


@dataclass(frozen=True)
class _Layout:
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


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a delimited text file, unpacked when its name ends in ``.gz`` or ``.zst``.

    Args:
        path: the file.
        source: its source; the reader's options and the label column.
        modalities: what to take from it.

    Raises:
        FileProblem: when there is no line with data, or its header cannot be split.
    """
    reader = source.reader
    if not isinstance(reader, DelimitedReader):
        raise TypeError(reader)
    names, header = _columns(path, reader)
    sensor = reader.sensor_column
    if sensor is not None and names.count(sensor) != 1:
        return RawFile([], dict.fromkeys(modalities, lacking(sensor, names)))
    missing = find_missing(modalities, names)
    present = {name: spec for name, spec in modalities.items() if name not in missing}
    column = source.labels.column
    label = None if column is None else position(column, names)
    layout = _Layout(
        dialect=Dialect(reader),
        names=names,
        header=header,
        values={name: [_known(column, names) for column in spec.columns] for name, spec in present.items()},
        times={
            name: None if time_column(spec) is None else _known(str(time_column(spec)), names)
            for name, spec in present.items()
        },
        label=label,
        sensor=None if sensor is None else names.index(sensor),
        sensors=Sensors.of(present),
    )
    layout = replace(layout, whole=_perhaps_whole(layout, present))
    unlabelled = [lacking(column, names)] if column is not None and label is None else []
    return RawFile(_blocks(path, layout, missing) if present else [], missing, unlabelled, layout.sensors.passed)


def _perhaps_whole(layout: _Layout, present: Mapping[str, ModalitySource]) -> frozenset[int]:
    """Positions of times that are numbers, if they are times and nothing else."""
    if layout.dialect.reader.decimal != ".":
        return frozenset()
    numbers = {layout.times[name] for name, spec in present.items() if getattr(spec.clock, "unit", None) != "iso8601"}
    texts = {layout.times[name] for name, spec in present.items() if getattr(spec.clock, "unit", None) == "iso8601"}
    others = {None, layout.label, layout.sensor, *layout.figures}
    return frozenset(position for position in numbers - texts - others if position is not None)


def _known(column: str | int, names: list[str]) -> int:
    found = position(column, names)
    if found is None:
        raise KeyError(column)
    return found


def _lines(path: Path, reader: DelimitedReader, *size: int) -> Iterator[LineBlock]:
    end = CARRIAGE_RETURN if reader.newline == "cr" else LINE_FEED
    counted = ord(Dialect(reader).separator)
    return line_blocks(path, *size, codec=reader.encoding, end=end, counted=counted)


def _columns(path: Path, reader: DelimitedReader) -> tuple[list[str], bytes | None]:
    """The file's columns, and the header's line (None without one)."""
    dialect = Dialect(reader)
    for block in _lines(path, reader, PEEK):
        if block.first == 1:
            _check_text(block, reader)
        data = [index for index in np.flatnonzero(_data(block, reader)).tolist() if block.line(index).strip()]
        if not data:
            continue
        if not reader.header:
            return [str(number) for number in range(_usual_width(block, data[:VOTERS], dialect))], None
        header = data[0]
        try:
            names = dialect.split(block.text(header))
        except SplitError as error:
            raise FileProblem("unreadable", f"its header, line {block.first + header}: {error}") from None
        return [name.strip() for name in names], block.line(header)
    raise FileProblem("empty_file", "the file holds no line with data.")


def _usual_width(lines: LineBlock, voters: list[int], dialect: Dialect) -> int:
    """How many fields most of some lines have; those with an open quote do not count."""
    widths = dialect.widths(lines)
    counts = Counter[int]()
    for index in voters:
        try:
            width = len(dialect.split(lines.text(index))) if _QUOTE in lines.line(index) else int(widths[index])
        except SplitError:
            continue
        counts[width] += 1
    return max(counts, key=lambda width: (counts[width], -width), default=1)


def _check_text(block: LineBlock, reader: DelimitedReader) -> None:
    """Refuses a file whose first lines show another encoding, or another end of lines."""
    mark = foreign_mark(block.source)
    if mark and not reader.encoding.startswith(mark):
        raise FileProblem("unreadable", f"it starts with the mark of {mark.upper()}; set reader.encoding to {mark}.")
    if reader.newline == "lf" and len(block.stops) == 1 and b"\r" in block.data.rstrip():
        raise FileProblem("unreadable", "its lines end with carriage returns alone; set reader.newline to cr.")


def _data(lines: LineBlock, reader: DelimitedReader, header: bytes | None = None) -> Flags:
    data = data_lines(lines, comments(reader))
    data[: max(0, reader.skip_lines - lines.first + 1)] = False
    if header is not None and not lines.cut:
        data[_equal(lines, header)] = False
    return data


def _equal(lines: LineBlock, line: bytes) -> list[int]:
    """0-based numbers of the lines that are just this one."""
    found: list[int] = []
    whole, at = line + b"\n", lines.data.find(line + b"\n")
    while at >= 0:
        number = int(np.searchsorted(lines.stops, at))
        found += [number] if lines.starts[number] == at else []
        at = lines.data.find(whole, at + 1)
    return found


def _blocks(path: Path, layout: _Layout, missing: dict[str, str]) -> Iterator[Block]:
    """The file's blocks; sensors that no line named are put into ``missing`` at the end."""
    seen = failed = 0
    for lines in _lines(path, layout.dialect.reader):
        data = layout.data(lines)
        widths = layout.dialect.widths(lines)
        for index in np.flatnonzero(data & (not lines.cut) & (widths != len(layout.names))):
            data[index] = bool(lines.line(int(index)).strip())
        if data.any():
            try:
                yield _block(lines, data, widths, layout, seen)
            except _NotWholeError:
                plain, failed = replace(layout, whole=frozenset()), failed + 1
                yield _block(lines, data, widths, plain, seen)
                layout = plain if failed == ATTEMPTS else layout
        seen += int(data.sum())
    if layout.sensor is not None:
        missing.update(layout.sensors.find_missing())


def _block(lines: LineBlock, data: Flags, widths: Integers, layout: _Layout, seen: int) -> Block:
    """Parses the data lines of a block; ``seen`` data lines came before it in the file.

    Raises:
        _NotWholeError: when not all times of ``layout.whole`` are whole numbers.
    """
    hard = data & ((widths != len(layout.names)) | lines.undecodable | bool(lines.cut))
    hard |= data & layout.dialect.unended(lines)
    if _QUOTE in lines.data:
        hard |= data & (lines.count(_QUOTE[0]) > 0)
    frame = _parsed(lines, data & ~hard, layout, layout.types)
    if frame.height != int((data & ~hard).sum()):
        hard, frame = data, frame.clear()
    broken: _Broken = []
    texts = pl.DataFrame(schema={**dict.fromkeys(frame.columns, pl.String), "line": pl.Int64})
    gaps = frame.select(pl.any_horizontal(pl.col(f"f{p}").is_null() for p in layout.figures)).to_series()
    if gaps.any() or hard.any():
        odd = np.zeros_like(data)
        odd[(frame["line"].filter(gaps) - lines.first).to_numpy()] = True
        split, broken = _split_hard(lines, np.flatnonzero(hard), layout)
        texts = pl.concat([_parsed(lines, odd, layout, dict.fromkeys(layout.types, pl.String)), split])
        frame = _with_lines(frame, ~gaps.to_numpy(), _converted(texts, layout))
    if any(frame[f"f{p}"].has_nulls() for p in layout.whole):
        raise _NotWholeError
    if layout.label is not None:
        label = pl.col(f"f{layout.label}").str.strip_chars()
        frame = frame.with_columns(pl.when(label != "").then(label).alias(f"f{layout.label}"))
    if layout.sensor is None:
        rows = dict.fromkeys(layout.values, np.where(data, np.cumsum(data) - 1 + seen, -1))
    else:
        frame, rows, untold = _by_sensor(frame, lines, data, layout)
        texts = texts.filter(pl.col("line").is_in(frame["line"].implode()))
        broken += untold
    readings = {}
    for name, numbers in rows.items():
        mine = frame.with_columns(pl.Series("row", numbers[frame["line"].to_numpy() - lines.first]))
        mine = mine if layout.sensor is None else mine.filter(pl.col("row") >= 0)
        asked = texts if layout.sensor is None else texts.filter(pl.col("line").is_in(mine["line"].implode()))
        spoilt = _no_numbers(asked, name, layout) if asked.height else {}
        if spoilt:
            broken += [(name, line, reason) for line, reason in spoilt.items()]
            lost = np.searchsorted(mine["line"].to_numpy(), list(spoilt))
            mine = mine[np.delete(np.arange(mine.height), lost)]
        readings[name] = _readings(mine, name, layout)
    read = {name: int((numbers >= 0).sum()) for name, numbers in rows.items()}
    return Block(readings, broken_frame(broken), read, lines.raw)


def _with_lines(frame: pl.DataFrame, kept: Flags, others: pl.DataFrame) -> pl.DataFrame:
    """Some rows of a frame and those of another one, in the order of their lines, copied once."""
    rows = np.append(np.flatnonzero(kept), np.arange(frame.height, frame.height + others.height))
    both = pl.concat([frame, others])
    return both[rows[np.argsort(both["line"].to_numpy()[rows], kind="stable")]]


def _parsed(lines: LineBlock, chosen: Flags, layout: _Layout, types: Mapping[int, type[pl.DataType]]) -> pl.DataFrame:
    """Lines without quotes as columns ``f<position>`` and ``line``; null where a value has not its type."""
    taken = {f"f{p}": dtype for p, dtype in types.items()}
    if not chosen.any():
        return pl.DataFrame(schema={**taken, "line": pl.Int64})
    frame = pl.read_csv(
        layout.dialect.plain(lines.only(chosen)),
        has_header=False,
        separator=layout.dialect.separator,
        schema={f"f{p}": types.get(p, pl.String) for p in range(len(layout.names))},
        columns=list(types),
        quote_char=None,
        ignore_errors=True,
    )
    frame = frame.with_columns(layout.dialect.exchanged(pl.col(f"f{p}")) for p, t in types.items() if t == pl.String)
    numbers = np.flatnonzero(chosen) + lines.first
    return frame.with_columns(pl.Series("line", numbers)) if frame.height == len(numbers) else frame


def _split_hard(lines: LineBlock, indices: Integers, layout: _Layout) -> tuple[pl.DataFrame, _Broken]:
    """Splits lines one by one; the frame holds texts like :func:`_parsed`, the list the broken lines."""
    broken: _Broken = []
    fields: list[list[str]] = []
    kept: list[int] = []
    for index in indices.tolist():
        number = lines.first + index
        try:
            parts = _fields(lines, index, layout)
        except SplitError as error:
            broken.append((None, number, str(error)))
        else:
            fields.append([parts[p] for p in layout.types])
            kept.append(number)
    frame = pl.DataFrame(fields, schema={f"f{p}": pl.String for p in layout.types}, orient="row")
    return frame.with_columns(pl.Series("line", kept, dtype=pl.Int64)), broken


def _fields(lines: LineBlock, index: int, layout: _Layout) -> list[str]:
    """The fields of a line, one per column of the file.

    Raises:
        SplitError: when it has others, or none that could be told.
    """
    if lines.cut:
        raise SplitError(lines.cut)
    if lines.undecodable[index]:
        raise SplitError(f"the line is not {lines.encoding.codec.upper()}.")
    parts = layout.dialect.split(lines.text(index))
    if len(parts) != len(layout.names):
        raise SplitError(f"the line has {len(parts)} fields, not {len(layout.names)}.")
    return parts


def _converted(texts: pl.DataFrame, layout: _Layout) -> pl.DataFrame:
    """Texts in the columns' types, null for what is none."""
    cells = {p: pl.col(f"f{p}").str.strip_chars().fill_null("") for p in layout.types}
    return texts.with_columns(
        (pl.when(cells[p] != "").then(cells[p]) if dtype == pl.String else _numbers(cells[p], layout, dtype)).alias(
            f"f{p}"
        )
        for p, dtype in layout.types.items()
    )


def _numbers(texts: pl.Expr, layout: _Layout, dtype: type[pl.DataType] = pl.Float64) -> pl.Expr:
    return layout.dialect.exchanged(texts).cast(dtype, strict=False)


def _by_sensor(
    frame: pl.DataFrame, lines: LineBlock, data: Flags, layout: _Layout
) -> tuple[pl.DataFrame, dict[str, Integers], _Broken]:
    """Numbers the lines of a long file; what names no sensor counts for every modality and is broken.

    Returns:
        The lines that name one; per modality the number of each line's reading, -1 for no
        reading of it; the broken lines.
    """
    told = frame.with_columns(pl.col(f"f{layout.sensor}").str.strip_chars().fill_null("").alias("sensor"))
    every = pl.DataFrame({"line": np.flatnonzero(data) + lines.first})
    named = every.join(told.select("line", "sensor"), on="line", how="left", maintain_order="left")
    rows = {}
    for name, numbers in layout.sensors.number(named["sensor"]).items():
        rows[name] = np.full(len(data), -1, dtype=np.int64)
        rows[name][data] = numbers.fill_null(-1).to_numpy()
    reason = f"it names no sensor (column {layout.names[layout.sensor or 0]!r})."
    untold = told.filter(pl.col("sensor") == "")["line"]
    return told.filter(pl.col("sensor") != ""), rows, [(None, line, reason) for line in untold]


def _no_numbers(texts: pl.DataFrame, name: str, layout: _Layout) -> dict[int, str]:
    """By line, in order, why a reading of a modality is none: a value that is no number."""
    reasons: dict[int, str] = {}
    for p in layout.values[name]:
        text = pl.col(f"f{p}").str.strip_chars().fill_null("")
        wordy = _numbers(text, layout).is_null() & (text != "")
        for line, value in texts.filter(wordy).select("line", text).iter_rows():
            reasons.setdefault(line, f"column {layout.names[p]!r}: {value!r} is not a number.")
    return dict(sorted(reasons.items()))


def _readings(frame: pl.DataFrame, name: str, layout: _Layout) -> pl.DataFrame:
    """The columns of one modality, see :mod:`mmbind.sources.table`."""
    columns = [pl.col("line"), pl.col("row")]
    time = layout.times[name]
    if time is not None:
        columns.append(layout.dialect.times(pl.col(f"f{time}")).alias("time"))
    if layout.label is not None:
        columns.append(pl.col(f"f{layout.label}").alias("label"))
    columns += [
        pl.col(f"f{p}").cast(pl.Float64, strict=False).alias(f"v{channel}")
        for channel, p in enumerate(layout.values[name])
    ]
    return frame.select(columns)

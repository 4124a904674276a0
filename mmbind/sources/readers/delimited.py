"""Delimited text.

Most lines are plain: the right number of separators, no quotes, numbers where numbers
belong. polars parses those at once. The others are taken apart one by one, and either give
the same columns or a reason why not. No value is ever guessed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.config import DelimitedReader, ModalitySource, Source
from mmbind.sources.readers.lines import Flags, Integers, LineBlock, data_lines, line_blocks
from mmbind.sources.table import Block, FileProblem, RawFile, broken_frame, find_missing, lacking, position, time_column

#: Bytes that are read to find the header.
PEEK = 1 << 16
#: Lines of a file without a header that tell how many columns it has.
VOTERS = 1000
_QUOTE = b'"'


@dataclass(frozen=True)
class _Layout:
    """Where a file's columns stand.

    Attributes:
        reader: separator and comment.
        names: the file's columns.
        header: number of the header's line; 0 without one.
        values: per modality, positions of its channels.
        times: per modality, position of its time, None where none is needed.
        label: position of the label, None for none.
    """

    reader: DelimitedReader
    names: list[str]
    header: int
    values: dict[str, list[int]]
    times: dict[str, int | None]
    label: int | None

    @cached_property
    def figures(self) -> list[int]:
        """Positions of values."""
        return sorted({p for positions in self.values.values() for p in positions})

    @cached_property
    def types(self) -> dict[int, type[pl.DataType]]:
        """Types of the positions that are taken, in order; times and labels stay text."""
        texts = [p for p in [*self.times.values(), self.label] if p is not None]
        types = {**dict.fromkeys(self.figures, pl.Float64), **dict.fromkeys(texts, pl.String)}
        return dict(sorted(types.items()))


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a delimited text file.

    Args:
        path: the file.
        source: its source; the reader's options and the label column.
        modalities: what to take from it.

    Raises:
        FileProblem: when there is no line with data.
    """
    if not isinstance(source.reader, DelimitedReader):
        raise TypeError(source.reader)
    names, header = _columns(path, source.reader)
    missing = find_missing(modalities, names)
    present = {name: spec for name, spec in modalities.items() if name not in missing}
    column = source.labels.column
    label = None if column is None else position(column, names)
    layout = _Layout(
        reader=source.reader,
        names=names,
        header=header,
        values={name: [_known(column, names) for column in spec.columns] for name, spec in present.items()},
        times={
            name: None if time_column(spec) is None else _known(str(time_column(spec)), names)
            for name, spec in present.items()
        },
        label=label,
    )
    unlabelled = [lacking(column, names)] if column is not None and label is None else []
    return RawFile(_blocks(path, layout) if present else [], missing, unlabelled)


def _known(column: str | int, names: list[str]) -> int:
    found = position(column, names)
    if found is None:
        raise KeyError(column)
    return found


def _columns(path: Path, reader: DelimitedReader) -> tuple[list[str], int]:
    """The file's columns and the number of the header's line (0 without one)."""
    for block in line_blocks(path, PEEK):
        data = np.flatnonzero(data_lines(block, reader.comment))
        if not len(data):
            continue
        if reader.header:
            names = _split(block.text(int(data[0])), reader.separator) or []
            return [name.strip() for name in names], block.first + int(data[0])
        widths = block.count(ord(reader.separator))[data[:VOTERS]] + 1
        return [str(number) for number in range(int(np.bincount(widths).argmax()))], 0
    raise FileProblem("empty_file", "the file holds no line with data.")


def _split(text: str, separator: str) -> list[str] | None:
    """The fields of a line, quotes resolved; None when a quote is not closed."""
    if '"' not in text:
        return text.split(separator)
    try:
        rows = list(csv.reader([text], delimiter=separator, skipinitialspace=separator != " ", strict=True))
    except csv.Error:
        return None
    return rows[0]


def _blocks(path: Path, layout: _Layout) -> Iterator[Block]:
    seen = 0
    for lines in line_blocks(path):
        data = data_lines(lines, layout.reader.comment)
        if 0 <= layout.header - lines.first < len(data):
            data[layout.header - lines.first] = False
        widths = lines.count(ord(layout.reader.separator)) + 1
        for index in np.flatnonzero(data & (not lines.cut) & (widths != len(layout.names))):
            data[index] = bool(lines.line(int(index)).strip())
        if data.any():
            yield _block(lines, data, widths, layout, seen)
        seen += int(data.sum())


def _block(lines: LineBlock, data: Flags, widths: Integers, layout: _Layout, seen: int) -> Block:
    """Parses the data lines of a block; ``seen`` data lines came before it in the file."""
    rows = np.cumsum(data) - 1 + seen
    hard = data & ((widths != len(layout.names)) | lines.undecodable | bool(lines.cut))
    if _QUOTE in lines.data:
        hard |= data & (lines.count(_QUOTE[0]) > 0)
    frame = _parsed(lines, data & ~hard, rows, layout, layout.types)
    if frame.height != int((data & ~hard).sum()):
        hard, frame = data, frame.clear()
    broken: list[tuple[str | None, int, str]] = []
    spoilt: dict[str, list[int]] = {}
    gaps = frame.select(pl.any_horizontal(pl.col(f"f{p}").is_null() for p in layout.figures)).to_series()
    if gaps.any() or hard.any():
        odd = np.zeros_like(data)
        odd[(frame["line"].filter(gaps) - lines.first).to_numpy()] = True
        texts = _parsed(lines, odd, rows, layout, dict.fromkeys(layout.types, pl.String))
        split, broken = _split_hard(lines, np.flatnonzero(hard), rows, layout)
        careful, no_numbers, spoilt = _converted(pl.concat([texts, split]), layout)
        broken += no_numbers
        frame = pl.concat([frame.filter(~gaps), careful]).sort("line")
    readings = {}
    for name in layout.values:
        sound = frame.filter(~pl.col("line").is_in(spoilt[name])) if name in spoilt else frame
        readings[name] = _readings(sound, name, layout)
    return Block(readings, broken_frame(broken), dict.fromkeys(layout.values, int(data.sum())), lines.raw)


def _parsed(
    lines: LineBlock, chosen: Flags, rows: Integers, layout: _Layout, types: Mapping[int, type[pl.DataType]]
) -> pl.DataFrame:
    """Lines without quotes as columns ``f<position>``, ``line`` and ``row``; null where a value has not its type."""
    taken = {f"f{p}": dtype for p, dtype in types.items()}
    if not chosen.any():
        return pl.DataFrame(schema={**taken, "line": pl.Int64, "row": pl.Int64})
    frame = pl.read_csv(
        lines.only(chosen),
        has_header=False,
        separator=layout.reader.separator,
        schema={f"f{p}": types.get(p, pl.String) for p in range(len(layout.names))},
        columns=list(types),
        quote_char=None,
        ignore_errors=True,
    )
    indices = np.flatnonzero(chosen)
    return frame.with_columns(_keys(lines, indices, rows)) if frame.height == len(indices) else frame


def _keys(lines: LineBlock, indices: Integers, rows: Integers) -> list[pl.Series]:
    return [pl.Series("line", indices + lines.first), pl.Series("row", rows[indices])]


def _split_hard(
    lines: LineBlock, indices: Integers, rows: Integers, layout: _Layout
) -> tuple[pl.DataFrame, list[tuple[str | None, int, str]]]:
    """Splits lines with quotes; the frame holds texts like :func:`_parsed`, the list the broken lines."""
    broken: list[tuple[str | None, int, str]] = []
    fields: list[list[str]] = []
    kept: list[int] = []
    for index in indices.tolist():
        number = lines.first + index
        parts = _split(lines.text(index), layout.reader.separator)
        if lines.cut:
            broken.append((None, number, lines.cut))
        elif lines.undecodable[index]:
            broken.append((None, number, "the line is not UTF-8."))
        elif parts is None:
            broken.append((None, number, "a quote is not closed."))
        elif len(parts) != len(layout.names):
            broken.append((None, number, f"the line has {len(parts)} fields, not {len(layout.names)}."))
        else:
            fields.append([parts[p] for p in layout.types])
            kept.append(index)
    frame = pl.DataFrame(fields, schema={f"f{p}": pl.String for p in layout.types}, orient="row")
    return frame.with_columns(_keys(lines, np.array(kept, dtype=np.int64), rows)), broken


def _converted(
    texts: pl.DataFrame, layout: _Layout
) -> tuple[pl.DataFrame, list[tuple[str | None, int, str]], dict[str, list[int]]]:
    """Turns texts into numbers.

    Returns:
        The columns in their types, null for empty values; the readings whose values are no
        numbers; and their lines per modality.
    """
    trimmed = texts.with_columns(pl.col(f"f{p}").str.strip_chars().fill_null("") for p in layout.types)
    frame = trimmed.with_columns(pl.col(f"f{p}").cast(dtype, strict=False) for p, dtype in layout.types.items())
    broken: list[tuple[str | None, int, str]] = []
    spoilt: dict[str, list[int]] = {}
    for name, positions in layout.values.items():
        reasons: dict[int, str] = {}
        for p in positions:
            column = trimmed[f"f{p}"]
            wordy = column.cast(pl.Float64, strict=False).is_null() & (column != "")
            for line, value in trimmed.filter(wordy).select("line", f"f{p}").iter_rows():
                reasons.setdefault(line, f"column {layout.names[p]!r}: {value!r} is not a number.")
        if reasons:
            spoilt[name] = sorted(reasons)
            broken += [(name, line, reasons[line]) for line in spoilt[name]]
    return frame, broken, spoilt


def _readings(frame: pl.DataFrame, name: str, layout: _Layout) -> pl.DataFrame:
    """The columns of one modality, see :mod:`mmbind.sources.table`."""
    columns = [pl.col("line"), pl.col("row")]
    time = layout.times[name]
    if time is not None:
        columns.append(pl.col(f"f{time}").alias("time"))
    if layout.label is not None:
        columns.append(pl.col(f"f{layout.label}").str.strip_chars().alias("label"))
    columns += [
        pl.col(f"f{p}").cast(pl.Float64, strict=False).alias(f"v{channel}")
        for channel, p in enumerate(layout.values[name])
    ]
    return frame.select(columns)

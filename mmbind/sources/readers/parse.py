"""Parsing the lines of a block: plain ones by polars, many at once, the others one by one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from mmbind.sources.readers.dialect import SplitError
from mmbind.sources.readers.layout import QUOTE, Layout
from mmbind.sources.readers.lines import Flags, Integers, LineBlock
from mmbind.sources.table import Block, broken_frame
from mmbind.sources.without import FEW, without

#: Broken lines: modality (None for all), line, reason.
_Broken = list[tuple[str | None, int, str]]
#: What is no number: by position, its lines and texts.
_Worded = dict[int, list[tuple[int, str]]]


class NotWholeError(Exception):
    """A time is no whole number."""


def parse_block(lines: LineBlock, data: Flags, widths: Integers, layout: Layout, seen: int) -> Block:
    """Parses the data lines of a block; ``seen`` data lines came before it in the file.

    Raises:
        NotWholeError: when not all times of ``layout.whole`` are whole numbers.
    """
    hard = data & ((widths != len(layout.names)) | lines.undecodable | bool(lines.cut))
    hard |= data & layout.dialect.unended(lines)
    if QUOTE in lines.data:
        hard |= data & (lines.count(QUOTE[0]) > 0)
    frame = _parsed(lines, data & ~hard, layout, layout.types)
    if frame.height != int((data & ~hard).sum()):
        hard, frame = data, frame.clear()
    broken: _Broken = []
    worded: _Worded = {}
    gaps = _gaps(frame, layout)
    if len(gaps) or hard.any():
        odd = np.zeros_like(data)
        odd[frame["line"].to_numpy()[gaps] - lines.first] = True
        split, broken = _split_hard(lines, np.flatnonzero(hard), layout)
        texts = pl.concat([_parsed(lines, odd, layout, dict.fromkeys(layout.types, pl.String)), split])
        found = _converted(texts, layout)
        worded = _worded(texts, found, layout)
        if not found.equals(frame[gaps]):
            frame = _with_lines(frame, gaps, found)
    if any(frame[f"f{p}"].has_nulls() for p in layout.whole):
        raise NotWholeError
    if layout.label is not None and not (lines.tight and hard is not data):
        label = pl.col(f"f{layout.label}").str.strip_chars()
        frame = frame.with_columns(pl.when(label != "").then(label).alias(f"f{layout.label}"))
    if layout.sensor is None:
        numbered = dict.fromkeys(layout.values, np.cumsum(data) + (seen - 1))
        read = dict.fromkeys(layout.values, int(data.sum()))
    else:
        frame, numbered, untold = _by_sensor(frame, lines, data, layout)
        read = {name: int((numbers >= 0).sum()) for name, numbers in numbered.items()}
        broken += untold
    places, rows = frame["line"].to_numpy() - lines.first, pl.Series()
    readings: dict[str, pl.DataFrame] = {}
    for name, numbers in numbered.items():
        if layout.sensor is not None or not readings:
            rows = pl.Series("row", numbers[places])
        mine = frame.hstack([rows])
        mine = mine if layout.sensor is None else mine.filter(rows >= 0)
        spoilt = _no_numbers(worded, mine["line"].to_numpy(), name, layout)
        if spoilt:
            broken += [(name, line, reason) for line, reason in spoilt.items()]
            mine = without(mine, np.searchsorted(mine["line"].to_numpy(), list(spoilt)))
        readings[name] = _readings(mine, name, layout)
    return Block(readings, broken_frame(broken), read, lines.raw)


def _gaps(frame: pl.DataFrame, layout: Layout) -> Integers:
    """The rows that lack a value, in order."""
    gaps = [frame[f"f{p}"].is_null().arg_true() for p in layout.figures if frame[f"f{p}"].has_nulls()]
    return np.unique(np.concatenate([np.empty(0, np.int64), *(each.to_numpy() for each in gaps)])).astype(np.int64)


def _with_lines(frame: pl.DataFrame, gaps: Integers, others: pl.DataFrame) -> pl.DataFrame:
    """A frame with other rows in the place of some of its own, in the order of their lines, copied once."""
    kept = np.delete(np.arange(frame.height), gaps)
    rows = np.append(kept, np.arange(frame.height, frame.height + others.height))
    both = pl.concat([frame, others])
    return both[rows[np.argsort(both["line"].to_numpy()[rows], kind="stable")]]


def _parsed(lines: LineBlock, chosen: Flags, layout: Layout, types: Mapping[int, type[pl.DataType]]) -> pl.DataFrame:
    """Lines without quotes as columns ``f<position>`` and ``line``; null where a value has not its type."""
    taken = {f"f{p}": dtype for p, dtype in types.items()}
    if not chosen.any():
        return pl.DataFrame(schema={**taken, "line": pl.Int64})
    others = np.flatnonzero(~chosen)
    frame = None
    if 0 < len(others) <= FEW and chosen[0] and lines.tight and not lines.empty:
        frame = _read(lines.data, layout, types, ragged=True)
        frame = without(frame, others) if frame.height == len(chosen) else None
    if frame is None:
        frame = _read(lines.only(chosen), layout, types, ragged=False)
    if layout.dialect.reader.decimal == ",":
        texts = [f"f{p}" for p, dtype in types.items() if dtype == pl.String]
        frame = frame.with_columns(layout.dialect.exchanged(pl.col(texts)))
    frame = frame.rechunk()
    numbers = np.flatnonzero(chosen) + lines.first
    return frame.hstack([pl.Series("line", numbers)]) if frame.height == len(numbers) else frame


def _read(data: bytes, layout: Layout, types: Mapping[int, type[pl.DataType]], *, ragged: bool) -> pl.DataFrame:
    """Lines without quotes as columns ``f<position>``; the first one has as many fields as the file has columns.

    Lines of another width pass where ``ragged`` says so, as rows of no use, so that a few of them
    need not be cut out of the bytes.
    """
    return pl.read_csv(
        layout.dialect.plain(data),
        has_header=False,
        separator=layout.dialect.separator,
        schema={f"f{p}": types.get(p, pl.String) for p in range(len(layout.names))},
        columns=list(types),
        quote_char=None,
        ignore_errors=True,
        truncate_ragged_lines=ragged,
    )


def _split_hard(lines: LineBlock, indices: Integers, layout: Layout) -> tuple[pl.DataFrame, _Broken]:
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


def _fields(lines: LineBlock, index: int, layout: Layout) -> list[str]:
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


def _converted(texts: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Texts in the columns' types, null for what is none."""
    cells = {p: pl.col(f"f{p}").str.strip_chars().fill_null("") for p in layout.types}
    return texts.with_columns(
        (
            pl.when(cells[p] != "").then(cells[p])
            if dtype == pl.String
            else layout.dialect.exchanged(cells[p]).cast(dtype, strict=False)
        ).alias(f"f{p}")
        for p, dtype in layout.types.items()
    )


def _by_sensor(
    frame: pl.DataFrame, lines: LineBlock, data: Flags, layout: Layout
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


def _worded(texts: pl.DataFrame, found: pl.DataFrame, layout: Layout) -> _Worded:
    """What is no number though it should be one: by position, lines and texts."""
    trimmed = texts.select(pl.col(f"f{p}").str.strip_chars() for p in layout.figures)
    if any(found[name].dtype == pl.String for name in trimmed.columns):
        numbers = (layout.dialect.exchanged(pl.col(name)).cast(pl.Float64, strict=False) for name in trimmed.columns)
        found = trimmed.select(numbers)
    worded: _Worded = {}
    for p in layout.figures:
        cells, values = trimmed[f"f{p}"], found[f"f{p}"]
        if values.has_nulls():
            rows = (values.is_null() & (cells != "")).arg_true()
            worded[p] = list(zip(texts["line"].gather(rows), cells.gather(rows), strict=True))
    return worded


def _no_numbers(worded: _Worded, lines: Integers, name: str, layout: Layout) -> dict[int, str]:
    """By line, in order, why a reading of a modality, which stands in some lines, is none."""
    reasons: dict[int, str] = {}
    for p in layout.values[name]:
        for line, value in worded.get(p, []):
            reasons.setdefault(line, f"column {layout.names[p]!r}: {value!r} is not a number.")
    if layout.sensor is not None:
        among = np.isin(list(reasons), lines).tolist()
        reasons = dict(each for each, mine in zip(reasons.items(), among, strict=True) if mine)
    return dict(sorted(reasons.items()))


def _readings(frame: pl.DataFrame, name: str, layout: Layout) -> pl.DataFrame:
    """The columns of one modality, see :mod:`mmbind.sources.table`."""
    columns = [frame["line"], frame["row"]]
    time = layout.times[name]
    if time is not None:
        columns.append(layout.dialect.times(frame[f"f{time}"]).alias("time"))
    if layout.label is not None:
        columns.append(frame[f"f{layout.label}"].alias("label"))
    values = (frame[f"f{p}"].cast(pl.Float64, strict=False) for p in layout.values[name])
    return pl.DataFrame([*columns, *(column.alias(f"v{channel}") for channel, column in enumerate(values))])

"""What is read is what was written, in every format; and no line is lost, or invented, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.config import Source
from mmbind.sources.readers import reader_for
from tests.fuzz.texts import Text, same
from tests.unit.sources.logs import modality
from tests.unit.sources.readers.tables import FORMATS, pack, reader, write_table

NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-999, 999).map(float))
#: Characters of labels; every encoding below has them.
LETTERS = st.text(st.sampled_from('ab é,;"|\t .#:'), max_size=6).map(str.strip)
ROWS = st.lists(st.tuples(st.integers(0, 10**15), NUMBERS, NUMBERS, NUMBERS, LETTERS), min_size=1, max_size=12)
NAMES = ["t", "x", "y", "z", "label"]


def source(section: Mapping[str, Any], prefix: str = "") -> Source:
    """A source of one modality with labels."""
    mods = {"acc": modality(prefix, "m/s2")}
    return Source.model_validate({"reader": section, "modalities": mods, "labels": {"column": "label"}})


def read(path: Path, how: Source) -> tuple[list[tuple[Any, ...]], list[tuple[int, bytes]], int]:
    """Readings (line, time, values, label), broken lines with their bytes, and how many count as read."""
    rows: list[tuple[Any, ...]] = []
    broken: list[tuple[int, bytes]] = []
    count = 0
    for block in reader_for(how)(path, how, how.modalities).blocks:
        rows += block.readings["acc"].select("line", "time", "v0", "v1", "v2", "label").rows()
        lines = block.broken["line"]
        broken += zip(lines, block.raw(lines), strict=True)
        count += block.read["acc"]
    return rows, broken, count


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    """Options of the reader of delimited text, any that go together."""
    decimal = draw(st.sampled_from([".", ","]))
    separator = draw(st.sampled_from([each for each in (",", ";", "\t", "|", " ", "whitespace") if each != decimal]))
    terminator = draw(st.sampled_from([None, ";", "|"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "gb18030"]))
    return {
        "format": "delimited",
        "separator": separator,
        "decimal": decimal,
        "terminator": terminator,
        "encoding": encoding,
        "newline": draw(st.sampled_from(["lf", "cr"])),
        "header": draw(st.booleans()),
        "skip_lines": draw(st.integers(0, 2)),
        "comment": draw(st.sampled_from([None, "#", ["%", "//"]])),
    }


def written(rows: list[tuple[Any, ...]], options: Mapping[str, Any], draw: st.DataObject) -> tuple[bytes, list[int]]:
    """The rows in a dialect, and their lines."""
    quoting, padded = draw.draw(st.booleans()), draw.draw(st.booleans())
    separator = options["separator"]
    gap = " \t " if separator == "whitespace" else separator + (" " if padded and separator != " " else "")
    end = "\r" if options["newline"] == "cr" else draw.draw(st.sampled_from(["\n", "\r\n"]))

    def cell(value: Any) -> str:
        text = "" if value is None else str(value)
        text = text.replace(".", options["decimal"]) if isinstance(value, float) else text
        told = set(text) & {separator, options["terminator"], '"', " ", "\t"}
        bare = text and not told if " " in (separator, gap[0]) or "\t" in gap else not told
        return text if bare and not quoting else '"' + text.replace('"', '""') + '"'

    lines = ["x;y,z"] * options["skip_lines"]
    table = [NAMES, *rows] if options["header"] else rows
    numbers = []
    for number, row in enumerate(table):
        if options["comment"] and draw.draw(st.booleans()):
            lines.append(("#" if options["comment"] == "#" else "//") + ' 1 , "')
        if draw.draw(st.booleans()):
            lines.append(draw.draw(st.sampled_from(["", "  "])))
        lines.append(gap.join(map(cell, row)) + (options["terminator"] or ""))
        numbers += [len(lines)] if number or not options["header"] else []
    whole = end.join(lines) + (end if draw.draw(st.booleans()) else "")
    return whole.encode(options["encoding"]), numbers


@given(rows=ROWS, options=dialects(), data=st.data(), block=st.sampled_from([24, 1 << 24]))
@settings(deadline=None, max_examples=150)
def test_delimited_text_is_read_as_written(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[Any, ...]],
    options: dict[str, Any],
    data: st.DataObject,
    block: int,
) -> None:
    text, lines = written(rows, options, data)
    packing = data.draw(st.sampled_from(["", "gz", "zst"]))
    path = tmp_path_factory.mktemp("log") / f"log.csv.{packing}".rstrip(".")
    path.write_bytes(pack(text, packing) if packing else text)
    how = source(options) if options["header"] else numbered(options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmbind.sources.readers.lines.line_blocks.__defaults__", (block,))
        found, broken, count = read(path, how)
    assert broken == []
    assert [(line, str(t), *rest) for line, t, *rest in found] == [
        (line, str(t), x, y, z, label or None) for line, (t, x, y, z, label) in zip(lines, rows, strict=True)
    ]
    assert count == len(rows)


def numbered(options: Mapping[str, Any]) -> Source:
    """The same columns by position."""
    clock = {"kind": "timestamp", "column": "0", "unit": "ms"}
    mods = {"acc": modality("", "m/s2", clock, columns=["1", "2", "3"])}
    return Source.model_validate({"reader": options, "modalities": mods, "labels": {"column": "4"}})


LINES = st.one_of(
    st.lists(
        st.sampled_from(["1", "2,5", " 3.5", '"4"', "", "a", "nan", '"', "1_0", "-", "é", "\x00", "1e3"]), max_size=7
    ),
    st.just(["7", "1", "2", "3", "walk"]),
    st.just(NAMES),
    st.sampled_from([["# a"], ["  "], [""], ["\r"], ["\ufeff1", "2", "3", "4", "5"]]),
)


@given(lines=st.lists(LINES, max_size=15), options=dialects(), spoil=st.lists(st.integers(0, 10**6), max_size=3))
@settings(deadline=None, max_examples=150)
def test_every_line_is_read_as_what_it_is_or_broken_with_its_own_bytes(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], options: dict[str, Any], spoil: list[int]
) -> None:
    options |= {"header": True, "encoding": "utf-16-le" if options["encoding"] == "utf-32" else options["encoding"]}
    separator = " " if options["separator"] == "whitespace" else options["separator"]
    end = "\r" if options["newline"] == "cr" else "\n"
    rows = [["-"]] * options["skip_lines"] + [NAMES, *lines, ["9", "1", "2", "3", "run"]]
    text = end.join(separator.join(row) + (options["terminator"] or "") for row in rows)
    data = bytearray(text.encode(options["encoding"], errors="replace"))
    header = len(end.join(["-" + (options["terminator"] or "")] * options["skip_lines"] + ["t x y z label;", ""]))
    for at in (each for each in spoil if each % len(data) > 4 * header + 8):
        data[at % len(data)] = at % 256
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_bytes(data)
    how = source(options)
    wanted = Text(bytes(data), how)
    found, broken, count = read(path, how)
    told = sorted([*(row[0] for row in found), *(line for line, _ in broken)])
    assert told == wanted.data_lines
    assert count == len(told)
    assert all(raw == wanted.lines[line - 1] for line, raw in broken)
    assert all(same(list(row[2:5]), wanted.values(row[0], ["x", "y", "z"])) for row in found)


@pytest.mark.parametrize("kind", FORMATS)
@given(rows=ROWS)
@settings(deadline=None, max_examples=25)
def test_tables_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, kind: str, rows: list[tuple[Any, ...]]
) -> None:
    types = {"t": pl.Int64, "x": pl.Float64, "y": pl.Float64, "z": pl.Float64, "label": pl.String}
    path = tmp_path_factory.mktemp("log") / "log"
    write_table(pl.DataFrame(rows, schema=types, orient="row"), path, kind)
    found, broken, count = read(path, source(reader(kind)))
    assert [tuple(None if cell != cell else cell for cell in row) for row in found] == [
        (number, *row) for number, row in enumerate(rows, 1)
    ]
    assert (broken, count) == ([], len(rows))


@given(rows=ROWS, ascii_only=st.booleans())
@settings(deadline=None, max_examples=50)
def test_json_lines_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], ascii_only: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    records = [{"t": t, "acc": {"x": x, "y": y, "z": z}, "label": label} for t, x, y, z, label in rows]
    path.write_text("\n".join(json.dumps(record, ensure_ascii=ascii_only) for record in records), encoding="utf-8")
    found, broken, count = read(path, source({"format": "jsonl"}, "acc."))
    assert found == [(number, str(t), x, y, z, label) for number, (t, x, y, z, label) in enumerate(rows, 1)]
    assert (broken, count) == ([], len(rows))

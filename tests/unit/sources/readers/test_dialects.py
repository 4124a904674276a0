"""Delimited text in the dialects of real loggers: the same readings, and the file's own bytes of what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import aside, conserved, modality, rows_of, source_study, table

COUNTED = {"kind": "sample_index", "rate_hz": 10}
NUMBERS = [[0.5, -1.25, 3.0], [1.5, 2.0, 1e-3], [-17.0, 0.0, 12.5]]


def acc_study(root: Path, labels: str | None = None, clock: dict[str, Any] | None = None, **options: Any) -> Study:
    """A source of one modality in delimited text; columns x, y, z, or the first three."""
    named = options.get("header", True)
    spec = modality("", "m/s2", clock or COUNTED, columns=list("xyz") if named else list("012"))
    section = {"format": "delimited", **options}
    return source_study(
        root, files="*", reader=section, modalities={"acc": spec}, labels={"column": labels} if labels else {}
    )


def read(study: Study, data: bytes) -> list[list[float]]:
    """What becomes of a file."""
    (study.raw("s") / "p1_1.csv").write_bytes(data)
    ingest(study, "s")
    assert conserved(study)
    return [list(row) for row in rows_of(study, "acc").select("x", "y", "z").rows()]


def close(rows: list[list[float]], wanted: list[list[float]]) -> bool:
    """Whether they agree as float32."""
    return rows == [list(row) for row in pl.DataFrame(wanted, orient="row").cast(pl.Float32).rows()]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"decimal": ",", "separator": ";"}, "x;y;z\n0,5;-1,25;3\n1,5;2,0;1e-3\n-17;,0;12,5\n"),
        ({"decimal": ",", "separator": "\t"}, 'x\ty\tz\n"0,5"\t-1,25\t 3 \n1,5\t2\t1E-3\n-17,0\t0\t+12,5\n'),
        ({"separator": "whitespace"}, "x   y\tz\n 0.5  -1.25   3\n1.5\t2.0\t\t1e-3  \n   -17 0   12.5"),
        ({"separator": "whitespace"}, 'x "y" z\n"0.5" -1.25 3\n1.5 "2.0"   1e-3\n  -17 0 "12.5" \n'),
        ({"terminator": ";", "header": False}, "  0.5,-1.25, 3;\r\n 1.5,  2,1e-3;\r\n -17,   0,12.5;\r\n"),
        ({"terminator": ",", "header": True}, "x,y,z,\n0.5,-1.25,3,\n1.5,2,1e-3, \n-17,0,12.5,\n"),
        ({"terminator": ";", "separator": "whitespace"}, "x y z;\n0.5 -1.25  3 ;\n1.5 2 1e-3; \n-17 0 12.5;\n"),
        ({"skip_lines": 2}, 'Logger "7\n1,2,3\nx,y,z\n0.5,-1.25,3\n1.5,2,1e-3\n-17,0,12.5\n'),
        ({"comment": ["#", "@"], "header": False}, "#t\n\n@DATA\n0.5, -1.25, 3\n#x\n1.5,2,1e-3\n-17,0,12.5\n"),
        ({"newline": "cr"}, "x,y,z\r0.5,-1.25,3\r1.5,2,1e-3\r-17,0,12.5\r"),
        ({"newline": "cr"}, "x,y,z\r0.5,-1.25,3\r\r1.5,2,1e-3\r-17,0,12.5"),
        ({}, "x,y,z\n0.5,-1.25,3\nx,y,z\n1.5,2,1e-3\nx,y,z\nx,y,z\n-17,0,12.5\nx,y,z\n"),
        ({"header": False}, '   \n"0.5",-1.25,3\n1.5,2,1e-3\n-17,"0",12.5\n'),
        ({}, 'x, "y", z\r\n"0.5",-1.25, "3"\r\n1.5,2,1e-3\r\n\r\n-17,0,12.5'),
    ],
)
def test_dialects_give_the_same_readings(tmp_path: Path, options: dict[str, Any], text: str) -> None:
    study = acc_study(tmp_path, **options)
    assert close(read(study, text.encode()), NUMBERS)
    assert aside(study) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("block", [8, 1 << 24])
def test_encodings_give_the_same_readings_and_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, end: str, block: int
) -> None:
    monkeypatch.setattr("mmbind.sources.readers.lines.line_blocks.__defaults__", (block,))
    study = acc_study(tmp_path, "Tätigkeit", encoding=encoding, separator=";")
    rows = [[*map(str, row), "géhen Ċ"[: 5 if encoding[:3] in ("lat", "cp1") else 7]] for row in NUMBERS]
    text = end.join(";".join(row) for row in [["x", "y", "z", "Tätigkeit"], *rows])
    assert close(read(study, text.encode(encoding)), NUMBERS)
    assert aside(study) == []
    assert table(study, "labels")["label"].unique().to_list() == [rows[0][3]]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", "UTF-8"), ("cp1252", "CP1252"), ("utf-16-le", "UTF-16-LE"), ("ascii", "ASCII"), ("gbk", "GBK")],
)
def test_lines_that_cannot_be_decoded_are_kept_byte_for_byte(tmp_path: Path, encoding: str, told: str) -> None:
    study = acc_study(tmp_path, encoding=encoding)
    odd = b"\x81" if encoding != "utf-16-le" else b"\x00\xd8"
    feed = "\n".encode(encoding)
    lines = [text.encode(encoding) for text in ("x,y,z", "0.5,-1.25,3", "1.5,2,", "-17,0,12.5", "1,2")]
    lines[2] += odd
    assert close(read(study, feed.join(lines)), [NUMBERS[0], NUMBERS[2]])
    kept = table(study, "quarantine")
    assert kept.select("line", "raw").rows() == [(3, lines[2]), (5, lines[4])]
    assert kept["reason"][0] == f"the line is not {told}."


@pytest.mark.parametrize("newline", ["lf", "cr"])
def test_what_is_set_aside_is_the_files_own_bytes(tmp_path: Path, newline: str) -> None:
    study = acc_study(tmp_path, newline=newline, separator="\t", decimal=",")
    end = {"lf": b"\n", "cr": b"\r"}[newline]
    lines = [
        b"\xef\xbb\xbfx\ty\tz",
        b"0,5\t-1,25\t3",
        b"a\t2\t\xc3\xa9 ",
        b" ",
        b'"1\t2\t3',
        b"\t\x00\t",
        b"\xff\xfe",
        b"1,5",
    ]
    lines = [line + b"\r" for line in lines] if newline == "lf" else lines
    data = end.join(lines)
    assert close(read(study, data), NUMBERS[:1])
    kept = table(study, "quarantine")
    assert kept["line"].to_list() == [3, 5, 6, 7, 8]
    assert kept["raw"].to_list() == [data.split(end)[line - 1] for line in kept["line"]]


@pytest.mark.parametrize(
    ("options", "line", "reason"),
    [
        ({"decimal": ",", "separator": ";"}, "1.5;2;3", "column 'x': '1.5' is not a number."),
        ({"decimal": ",", "separator": ";"}, "1.234,5;2;3", "column 'x': '1.234,5' is not a number."),
        ({"decimal": ",", "separator": ";"}, '1;2;"3.0"', "column 'z': '3.0' is not a number."),
        ({}, '1;2,"1,5",3', "column 'x': '1;2' is not a number."),
        ({"terminator": ";"}, "1,2,3", "the line does not end with ';'."),
        ({"terminator": ";"}, "1,2,3;;", "column 'z': '3;' is not a number."),
        ({"terminator": ";"}, "1,2;", "the line has 2 fields, not 3."),
        ({"terminator": ","}, "1,2,3", "the line does not end with ','."),
        ({"separator": "whitespace"}, "1 2 3 4", "the line has 4 fields, not 3."),
        ({"separator": "whitespace"}, '1 2 "3', "a quote is not closed, or text stands behind it."),
        ({"separator": "whitespace"}, '1 2 "3"4', "a quote is not closed, or text stands behind it."),
        ({"newline": "cr"}, "1,2\n3,4", "column 'y': '2 3' is not a number."),
    ],
)
def test_no_value_is_guessed(tmp_path: Path, options: dict[str, Any], line: str, reason: str) -> None:
    study = acc_study(tmp_path, **options)
    separator, end = options.get("separator", ","), options.get("terminator", "")
    separator = " " if separator == "whitespace" else separator
    good = [separator.join(fields) + end for fields in (["x", "y", "z"], ["4", "5", "6"], ["7", "8", "9"])]
    data = {"cr": "\r"}.get(options.get("newline", ""), "\n").join([*good[:2], line, good[2]])
    assert read(study, data.encode()) == [[4, 5, 6], [7, 8, 9]]
    assert table(study, "quarantine").select("line", "raw", "reason").rows() == [(3, line.encode(), reason)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("x,y,z\n1,2,3\n".encode("utf-16"), "it starts with the mark of UTF-16; set reader.encoding to utf-16."),
        ("x,y,z\n1,2,3\n".encode("utf-32"), "it starts with the mark of UTF-32; set reader.encoding to utf-32."),
        (b"x,y,z\r1,2,3\r", "its lines end with carriage returns alone; set reader.newline to cr."),
        (b'x,y,"z\n1,2,3\n', "its header, line 1: a quote is not closed, or text stands behind it."),
    ],
)
def test_a_file_of_another_dialect_says_what_to_set(tmp_path: Path, data: bytes, reason: str) -> None:
    study = acc_study(tmp_path)
    (study.raw("s") / "p2_1.csv").write_bytes(data)
    read(study, b"x,y,z\n1,2,3\n")
    assert table(study, "quarantine").select("file", "rule", "reason").rows() == [("p2_1.csv", "unreadable", reason)]


@pytest.mark.parametrize(
    ("times", "unit", "wanted"),
    [
        (["0", "1,5", " 2,25 ", '"3"'], "s", [0, 1.5, 2.25, 3]),
        (["0", "1.500", "2.000,5", "3"], "ms", [0, 0.003]),
    ],
)
def test_times_may_have_a_decimal_comma(tmp_path: Path, times: list[str], unit: str, wanted: list[float]) -> None:
    clock = {"kind": "timestamp", "column": "t", "unit": unit}
    study = acc_study(tmp_path, clock=clock, decimal=",", separator=";")
    read(study, "\n".join(["t;x;y;z", *(f"{time};1;2;3" for time in times)]).encode())
    assert rows_of(study, "acc")["t_ns"].sort().to_list() == [int(second * 1e9) for second in wanted]
    assert [rule for *_, rule in aside(study)] == ["bad_time"] * (len(times) - len(wanted))


def test_separators_inside_quotes_are_no_columns(tmp_path: Path) -> None:
    study = acc_study(tmp_path, "3", header=False)
    read(study, b'1,2,3,"sit, still"\n4,5,6,"sit, still"\n7,8,9,"walk, run, jump"\n')
    assert table(study, "labels")["label"].to_list() == ["sit, still", "walk, run, jump"]
    assert aside(study) == []


def test_labels_keep_their_points_and_commas(tmp_path: Path) -> None:
    study = acc_study(tmp_path, "l", decimal=",", separator=";")
    read(study, b'x;y;z;l\n1,5;2;3;a,b.c\n1,5;2;3;"a,b.c"\n')
    assert table(study, "labels")["label"].to_list() == ["a,b.c"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"decimal": ","}, "separator: ',' is the decimal mark already"),
        ({"terminator": "."}, r"terminator: '\.' is the decimal mark already"),
        ({"encoding": "utf8000"}, "unknown encoding 'utf8000'; known: utf-8"),
        ({"encoding": "utf-7"}, "unknown encoding 'utf-7'|cannot be told apart"),
        ({"encoding": "iso2022_jp"}, "cannot be told apart"),
        ({"encoding": "cp037"}, "cannot be told apart"),
        ({"separator": "blanks"}, "separator"),
        ({"comment": [""]}, "comment"),
        ({"skip_lines": -1}, "skip_lines"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        acc_study(tmp_path, **options)

"""Delimited text: what is kept, what is set aside and why."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.errors import InputError
from mmbind.sources import ingest
from tests.unit.sources.logs import (
    HEADER,
    aside,
    conserved,
    lines,
    manifest,
    modality,
    rows_of,
    source_study,
    table,
    write_csv,
)


def test_readings_arrive_in_si_units_with_owner_times_and_labels(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    write_csv(study, "p1_7.csv", [*lines(3), "60,3,0.5,1,10,-10,0,run"])
    summary = ingest(study, "s")
    acc, gyro = rows_of(study, "acc"), rows_of(study, "gyro")
    assert acc.columns == ["recording", "t_ns", "x", "y", "z"]
    assert acc["t_ns"].to_list() == [0, 20_000_000, 40_000_000, 60_000_000]
    assert acc.schema["x"] == pl.Float32
    np.testing.assert_allclose(acc["x"], np.arange(4) * 9.80665, rtol=1e-6)
    np.testing.assert_allclose(gyro["x"], 10 * math.pi / 180, rtol=1e-6)
    owner = table(study, "recordings").row(0, named=True)
    assert (owner["subject"], owner["session"], owner["device"]) == ("p1", "7", "d")
    assert (owner["file"], owner["start_ns"], owner["stop_ns"]) == ("p1_7.csv", 0, 60_000_001)
    assert table(study, "labels").select("start_ns", "stop_ns", "label").rows() == [
        (0, 60_000_000, "walk"),
        (60_000_000, 60_000_001, "run"),
    ]
    assert "8 readings kept, 0 quarantined" in summary.lines()[0]


def test_every_bad_line_is_set_aside_with_its_place_text_and_reason(tmp_path: Path) -> None:
    rows = lines(14)
    rows[1] = "20,1,0.5"
    rows[2] = "40,2,oops,1,10,-10,0,walk"
    rows[3] = "60,3,nan,1,10,-10,0,walk"
    rows[4] = "80,4,,1,10,-10,0,walk"
    rows[5] = "80.5,5,1e39,1,10,-10,0,walk"
    rows[6] = "noon,6,0.5,1,10,-10,0,walk"
    rows[7] = "140,7,0.5,1,inf,-10,0,walk"
    rows[8] = rows[7].replace("inf", "10")
    rows[9] = "20,9,0.5,1,10,-10,0,walk"
    rows[10] = '200,10,0.5,1,10,-10,0,"walk'
    rows[11] = "220,11,0.5,1,10,-10,0,walk,more"
    study = source_study(tmp_path)
    write_csv(study, "p1_1.csv", rows)
    ingest(study, "s")
    found = {
        (line, name): (rule, raw, reason) for _, line, name, raw, rule, reason in table(study, "quarantine").rows()
    }
    assert {key: value[0] for key, value in found.items()} == {
        **{(line, name): "broken_line" for line in (3, 12, 13) for name in ("acc", "gyro")},
        (4, "acc"): "broken_line",
        (5, "acc"): "not_finite",
        (6, "acc"): "not_finite",
        (7, "acc"): "out_of_range",
        **{(8, name): "bad_time" for name in ("acc", "gyro")},
        (9, "gyro"): "not_finite",
        (10, "acc"): "duplicate_time",
        **{(11, name): "backward_time" for name in ("acc", "gyro")},
    }
    assert found[(3, "acc")] == ("broken_line", b"20,1,0.5", "the line has 3 fields, not 8.")
    assert found[(4, "acc")][2] == "column 'ay': 'oops' is not a number."
    assert found[(6, "acc")][2] == "channel y has no value."
    assert found[(8, "gyro")][2] == "its time noon is no time in ms."
    assert "not closed" in found[(12, "acc")][2]
    assert rows_of(study, "gyro")["t_ns"].to_list() == [int(ms * 1e6) for ms in (0, 40, 60, 80, 80.5, 140, 240, 260)]
    assert manifest(study)["files"]["p1_1.csv"]["status"] == "partial"
    assert conserved(study)


def test_line_ends_marks_comments_blanks_spaces_and_quotes_do_not_matter(tmp_path: Path) -> None:
    plain = source_study(tmp_path / "plain")
    write_csv(plain, "p1_1.csv", lines(4))
    ingest(plain, "s")
    odd = source_study(tmp_path / "odd", reader={"format": "delimited", "comment": "//"})
    text = [
        "// logger 3",
        "",
        't, "ax",ay,az ,gx,gy,gz,label',
        "0,0,0.5,1,10,-10,0,walk",
        "// pause, a, b, c, d, e, f, g",
        " 20 , 1 ,\t0.5,1,10,-10, 0 ,walk ",
        "   ",
        '"40","2","0.5","1","10","-10","0","walk"',
        "60,3,+.5,1e0,10,-10.0,0,walk",
    ]
    (odd.raw("s") / "p1_1.csv").write_bytes("\ufeff".encode() + "\r\n".join(text).encode())
    ingest(odd, "s")
    assert aside(odd) == []
    for name in ("acc", "gyro"):
        assert rows_of(odd, name).equals(rows_of(plain, name))
    assert table(odd, "labels").equals(table(plain, "labels"))


def test_line_numbers_count_comments_and_blank_lines(tmp_path: Path) -> None:
    study = source_study(tmp_path, reader={"format": "delimited", "comment": "#"})
    (study.raw("s") / "p1_1.csv").write_text("\n".join(["# a", HEADER, lines(1)[0], "", "# b", "broken", ""]))
    ingest(study, "s")
    assert [(line, rule) for _, line, _, rule in aside(study)] == [(6, "broken_line")] * 2


def test_bytes_that_are_no_utf8_cost_only_their_lines(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    rows = [row.encode() for row in lines(4)]
    rows[1] = "20,1,0.5,1,10,-10,0,géhen".encode()
    rows[2] = "40,2,0.5,1,10,-10,0,géhen".encode("latin-1")
    (study.raw("s") / "p1_1.csv").write_bytes(b"\n".join([HEADER.encode(), *rows, b""]))
    ingest(study, "s")
    assert aside(study) == [("p1_1.csv", 4, name, "broken_line") for name in ("acc", "gyro")]
    assert table(study, "quarantine")["raw"][0] == rows[2]
    assert "géhen" in table(study, "labels")["label"].to_list()


def test_files_without_a_header_have_numbered_columns(tmp_path: Path) -> None:
    spec = modality("", "m/s2", {"kind": "sample_index", "rate_hz": 10}, columns=["1", 2, "3"])
    study = source_study(
        tmp_path, reader={"format": "delimited", "header": False, "separator": ";"}, labels={}, modalities={"acc": spec}
    )
    write_csv(study, "p1_1.csv", ["b;1;2;3", "c;4;5", "d;7;8;9"], header="a;-1;-2;-3")
    ingest(study, "s")
    rows = rows_of(study, "acc")
    assert rows.select("t_ns", "x", "z").rows() == [(0, -1, -3), (100_000_000, 1, 3), (300_000_000, 7, 9)]
    assert aside(study) == [("p1_1.csv", 3, "acc", "broken_line")]


@pytest.mark.parametrize(
    ("content", "rule"), [("", "empty_file"), ("\n\n", "empty_file"), (HEADER + "\n", "empty_file")]
)
def test_a_file_without_readings_is_set_aside_whole(tmp_path: Path, content: str, rule: str) -> None:
    study = source_study(tmp_path)
    write_csv(study, "p1_1.csv", lines(3))
    (study.raw("s") / "p2_1.csv").write_text(content)
    ingest(study, "s")
    assert aside(study) == [("p2_1.csv", None, None, rule)]
    entry = manifest(study)["files"]["p2_1.csv"]
    assert (entry["status"], entry["modalities"]) == ("unreadable", {})


def test_a_column_that_one_file_lacks_costs_that_modality_of_that_file(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    write_csv(study, "p1_1.csv", lines(3))
    write_csv(study, "p2_1.csv", lines(3), header=HEADER.replace("gy", "Gy").replace("label", "activity"))
    ingest(study, "s")
    notes = table(study, "quarantine").select("file", "rule", "reason").rows()
    assert [note[:2] for note in notes] == [("p2_1.csv", "missing_column"), ("p2_1.csv", "missing_labels")]
    assert "gyro: the column 'gy' is missing. Did you mean" in notes[0][2]
    entry = manifest(study)["files"]["p2_1.csv"]
    assert (entry["status"], list(entry["modalities"])) == ("partial", ["acc"])
    assert (rows_of(study, "acc").height, rows_of(study, "gyro").height) == (6, 3)
    assert conserved(study)


def test_a_file_that_lacks_all_modalities_is_unreadable(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    write_csv(study, "p1_1.csv", lines(3))
    write_csv(study, "p2_1.csv", lines(3), header=HEADER.upper())
    ingest(study, "s")
    assert aside(study) == [("p2_1.csv", None, None, "missing_column")] * 2
    assert manifest(study)["files"]["p2_1.csv"]["status"] == "unreadable"


def test_a_column_that_no_file_has_is_refused_with_the_nearest(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    for name in ("p1_1.csv", "p2_1.csv"):
        write_csv(study, name, lines(2), header=HEADER.replace("gx", "gyr_x"))
    with pytest.raises(InputError, match=r"modalities\.gyro names; p1_1\.csv: .*'gx' is missing\..*Known: .*gyr_x"):
        ingest(study, "s")
    assert not study.records("s").exists()


def test_a_source_whose_columns_are_not_named_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="columns are missing"):
        source_study(tmp_path, modalities={"acc": modality("a", "g", columns=[], channels=[])})


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row if i % 7 else row.rsplit(",", 2)[0] for i, row in enumerate(lines(60))]
    rows[30] = rows[29]
    whole, pieces = source_study(tmp_path / "whole"), source_study(tmp_path / "pieces")
    for study in (whole, pieces):
        write_csv(study, "p1_1.csv", rows)
    ingest(whole, "s")
    monkeypatch.setattr("mmbind.sources.readers.lines.line_blocks.__defaults__", (64,))
    ingest(pieces, "s")
    for name in ("acc", "gyro"):
        assert rows_of(pieces, name).equals(rows_of(whole, name))
    assert table(pieces, "quarantine").equals(table(whole, "quarantine"))


CELLS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.sampled_from(["", " ", "x", "1,5", '"', '"1"', "nan", "1e999", "-", "0x1", "1_0", "\t2", "é", "\x00", "\r"]),
    st.integers(-(10**25), 10**25).map(str),
)
LINES = st.one_of(
    st.lists(CELLS, min_size=8, max_size=8).map(",".join),
    st.lists(CELLS, max_size=10).map(",".join),
    st.integers(0, 400).map(lambda t: f"{t},1,2,3,4,5,6,walk"),
)


@given(st.lists(LINES, max_size=25), st.sampled_from(["\n", "\r\n"]), st.sampled_from([32, 1 << 24]))
@settings(deadline=None, max_examples=40)
def test_whatever_a_file_holds_every_reading_is_kept_or_quarantined(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], end: str, block: int
) -> None:
    study = source_study(tmp_path_factory.mktemp("study"))
    (study.raw("s") / "p1_1.csv").write_bytes(end.join([HEADER, *rows]).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmbind.sources.readers.lines.line_blocks.__defaults__", (block,))
        ingest(study, "s")
    assert conserved(study)
    counts = manifest(study)["files"]["p1_1.csv"]["modalities"]
    text = end.join(rows).encode().replace(b"\r\n", b"\n").split(b"\n")
    written = [row for row in text if row and (row.strip() or row.count(b",") == 7)]
    assert [entry["read"] for entry in counts.values()] == [len(written)] * len(counts)
    for name, entry in counts.items():
        if entry["kept"]:
            kept = rows_of(study, name)
            steps = kept.select(pl.col("t_ns").diff().over("recording")).to_series().drop_nulls()
            assert (steps > 0).all()
            assert all(kept[axis].is_finite().all() for axis in "xyz")

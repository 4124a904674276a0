"""SQLite: which table, in which order, and what lies beside the file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from mmbind.sources import ingest
from tests.unit.sources.logs import aside, conserved, rows_of, source_study, table
from tests.unit.sources.readers.tables import reader, wide, wide_study, write_sqlite


def test_a_table_is_named_where_there_are_several(tmp_path: Path) -> None:
    study = wide_study(tmp_path / "unnamed", "sqlite")
    for name in ("p1_1", "p2_1"):
        write_sqlite(wide(3), study.raw("s") / f"{name}.log", "the log's")
    write_sqlite(wide(9), study.raw("s") / "p2_1.log", "other")
    ingest(study, "s")
    assert rows_of(study, "acc").height == 3
    assert table(study, "quarantine").select("file", "rule", "reason").rows() == [
        ("p2_1.log", "missing_table", "reader.table must say which of its tables: other, the log's.")
    ]
    named = source_study(tmp_path / "named", files="*.log", reader=reader("sqlite", table="other"))
    for path in study.raw("s").iterdir():
        (named.raw("s") / path.name).write_bytes(path.read_bytes())
    ingest(named, "s")
    assert rows_of(named, "acc").height == 9
    assert table(named, "quarantine")["reason"].to_list() == ["the table 'other' is missing. Known: the log's."]


def test_rows_come_in_the_order_they_were_written(tmp_path: Path) -> None:
    study = wide_study(tmp_path, "sqlite")
    path = study.raw("s") / "p1_1.log"
    write_sqlite(wide(50).reverse(), path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE INDEX covering ON log (t, ax, ay, az, gx, gy, gz, label)")
    connection.commit()
    connection.close()
    ingest(study, "s")
    assert rows_of(study, "acc")["t_ns"].to_list() == [490_000_000]
    assert [line for _, line, name, rule in aside(study) if name == "acc"] == list(range(2, 51))


def test_cells_may_differ_in_type(tmp_path: Path) -> None:
    study = wide_study(tmp_path, "sqlite")
    connection = sqlite3.connect(study.raw("s") / "p1_1.log")
    connection.execute("CREATE TABLE log (t, ax, ay, az, gx, gy, gz, label)")
    cells = [1, 1.5, "2.5", None, b"\x00\x01", "x", 1 << 60]
    rows = [(10 * i, cell, 0, 0, 0, 0, 0, i) for i, cell in enumerate(cells)]
    connection.executemany("INSERT INTO log VALUES (?,?,?,?,?,?,?,?)", [*rows, ("70", *[0] * 7), (80.5, *[0] * 7)])
    connection.commit()
    connection.close()
    ingest(study, "s")
    kept = rows_of(study, "acc").with_columns(pl.col("x") / 9.80665)
    assert kept["t_ns"].to_list() == [0, 10_000_000, 20_000_000, 60_000_000, 70_000_000, 80_500_000]
    assert kept["x"].round(4).to_list()[:3] == [1.0, 1.5, 2.5]
    assert aside(study) == [
        ("p1_1.log", 4, "acc", "not_finite"),
        ("p1_1.log", 5, "acc", "broken_line"),
        ("p1_1.log", 6, "acc", "broken_line"),
    ]
    assert conserved(study)


def test_changes_that_lie_in_another_file_are_not_passed_over(tmp_path: Path) -> None:
    study = wide_study(tmp_path, "sqlite")
    source = tmp_path / "live.db"
    write_sqlite(wide(5), source)
    live = sqlite3.connect(source)
    live.execute("PRAGMA journal_mode = WAL")
    live.execute("INSERT INTO log (t) VALUES (50)")
    live.commit()
    for ending in ("", "-wal"):
        (study.raw("s") / f"p1_1.log{ending}").write_bytes((tmp_path / f"live.db{ending}").read_bytes())
    live.close()
    (study.raw("s") / "p2_1.log").write_bytes(source.read_bytes())
    before = (study.raw("s") / "p2_1.log").read_bytes()
    ingest(study, "s")
    assert aside(study)[0] == ("p1_1.log", None, None, "unreadable")
    assert "'p1_1.log-wal'" in table(study, "quarantine")["reason"][0]
    assert rows_of(study, "acc").height == 5
    assert (study.raw("s") / "p2_1.log").read_bytes() == before
    assert sorted(path.name for path in study.raw("s").iterdir()) == ["p1_1.log", "p1_1.log-wal", "p2_1.log"]


@pytest.mark.parametrize("size", [100, 5000])
def test_a_damaged_database_is_set_aside_whole(tmp_path: Path, size: int) -> None:
    study = wide_study(tmp_path, "sqlite")
    path = study.raw("s") / "p1_1.log"
    write_sqlite(wide(500), path)
    write_sqlite(wide(5), study.raw("s") / "p2_1.log")
    content = path.read_bytes()
    path.write_bytes(content[:8192] + bytes(size) + content[8192 + size :])
    ingest(study, "s")
    assert aside(study) == [("p1_1.log", None, None, "unreadable")]
    assert rows_of(study, "acc").height == 5


def test_tables_without_row_numbers_come_in_order_of_their_key(tmp_path: Path) -> None:
    study = wide_study(tmp_path, "sqlite")
    connection = sqlite3.connect(study.raw("s") / "p1_1.log")
    connection.execute("CREATE TABLE log (t PRIMARY KEY, ax, ay, az, gx, gy, gz, label) WITHOUT ROWID")
    connection.executemany("INSERT INTO log VALUES (?,?,?,?,?,?,?,?)", [(t, *[0] * 7) for t in (30, 10, 20)])
    connection.commit()
    connection.close()
    ingest(study, "s")
    assert rows_of(study, "acc")["t_ns"].to_list() == [10_000_000, 20_000_000, 30_000_000]

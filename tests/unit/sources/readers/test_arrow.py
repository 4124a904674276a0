"""Arrow files and streams that end early, and types that are no numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from mmbind.sources import ingest
from tests.unit.sources.logs import aside, conserved, rows_of, table
from tests.unit.sources.readers.tables import wide, wide_study


def write_batches(path: Path, kind: str, frame: pl.DataFrame, rows: int) -> None:
    """Writes a file or stream in batches of so many rows."""
    content = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    start = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with start(str(path), content.schema) as writer:
        for batch in content.to_batches(max_chunksize=rows):
            writer.write_batch(batch)


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_what_ends_early_keeps_its_whole_batches(tmp_path: Path, kind: str) -> None:
    study = wide_study(tmp_path, "arrow")
    path = study.raw("s") / "p1_1.log"
    write_batches(path, kind, wide(900), 100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ingest(study, "s")
    count = rows_of(study, "acc").height
    assert count in range(300, 500, 100)
    assert aside(study) == [("p1_1.log", count + 1, name, "broken_line") for name in ("acc", "gyro")]
    assert "ends early" in table(study, "quarantine")["reason"][0]
    assert conserved(study)


def test_batches_of_one_row_read_like_one_batch(tmp_path: Path) -> None:
    study = wide_study(tmp_path, "arrow")
    write_batches(study.raw("s") / "p1_1.log", "stream", wide(300), 1)
    write_batches(study.raw("s") / "p2_1.log", "file", wide(300), 300)
    ingest(study, "s")
    rows = rows_of(study, "acc")
    assert (rows.height, rows.drop("recording").unique().height) == (600, 300)


def test_dictionaries_are_texts_and_lists_no_numbers(tmp_path: Path) -> None:
    study = wide_study(tmp_path, "arrow")
    labels = pa.array(["walk"] * 4).dictionary_encode()
    content = wide(4).drop("label").to_arrow().append_column("label", labels)
    for name, spoilt in (("p1_1", False), ("p2_1", True)):
        table_ = content.set_column(1, "ax", pa.array([[1.0]] * 4)) if spoilt else content
        with pa.ipc.new_file(str(study.raw("s") / f"{name}.log"), table_.schema) as writer:
            writer.write_table(table_)
    ingest(study, "s")
    assert table(study, "labels")["label"].unique().to_list() == ["walk"]
    assert aside(study) == [("p2_1.log", None, None, "missing_column")]
    assert "'ax' holds List(Float64), not numbers" in table(study, "quarantine")["reason"][0]


def test_values_that_break_their_own_format_are_not_believed(tmp_path: Path) -> None:
    study = wide_study(tmp_path, "arrow")
    bad = np.frombuffer("walk\xff".encode("latin-1"), dtype=np.uint8)
    text = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 5], np.int32)), pa.py_buffer(bad)])
    content = wide(1).drop("label").to_arrow().append_column("label", text)
    with pa.ipc.new_stream(str(study.raw("s") / "p1_1.log"), content.schema) as writer:
        writer.write_table(content)
    ingest(study, "s")
    assert aside(study) == [("p1_1.log", None, None, "unreadable")]


@pytest.mark.parametrize(
    "kind", [pl.Datetime("ms"), pl.Datetime("us", "UTC"), pl.Datetime("ns"), pl.Date(), pl.Duration("ms")], ids=str
)
@pytest.mark.parametrize("column", ["t", "label"])
def test_moments_that_no_calendar_holds_are_no_times_and_no_labels(
    tmp_path: Path, kind: pl.DataType, column: str
) -> None:
    study = wide_study(tmp_path, "arrow")
    day = kind == pl.Date
    number, stored = (
        2**31 - 1 if day else -(2**62) - 1,
        pa.date32() if day else pl.Series([], dtype=kind).to_arrow().type,
    )
    content = wide(1).drop(column).with_columns(ax=pl.lit(None, dtype=pl.Float64)).to_arrow()
    content = content.append_column(column, pa.array([number], pa.int32() if day else pa.int64()).view(stored))
    with pa.ipc.new_stream(str(study.raw("s") / "p1_1.log"), content.schema) as writer:
        writer.write_table(content)
    ingest(study, "s")
    rows = table(study, "quarantine")
    assert ("bad_time" if column == "t" else "not_finite") in rows["rule"].to_list()
    assert str(number) in rows["raw"][0].decode()

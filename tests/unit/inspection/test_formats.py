"""Drafts of logs in every format and dialect of text that is read."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from mmbind.inspection import inspect
from tests.unit.inspection.logs import UNITS, checked, in_units, motion, stamped, write_csv


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ({"separator": ";", "decimal": ","}, {"separator": ";", "decimal": ","}),
        ({"separator": "\t"}, {"separator": "\t"}),
        ({"separator": " "}, {"separator": "whitespace"}),
        ({"header": False}, {"header": False}),
        ({"header": False, "end": ";"}, {"header": False, "terminator": ";"}),
        ({"above": "# logger 3\n#\n"}, {"comment": "#"}),
        ({"above": "Logger 3\nOwner: ann\n\n"}, {"skip_lines": 2}),
        ({"encoding": "utf-16"}, {"encoding": "utf-16"}),
        ({"above": "# Hülle 20°\n", "encoding": "latin-1"}, {"encoding": "cp1252"}),
        ({"label": "walk"}, {}),
    ],
)
def test_dialects_of_text(tmp_path: Path, style: dict[str, object], expected: dict[str, object]) -> None:
    write_csv(tmp_path / "log.csv", stamped(6, 1.0), **style)
    found = checked(inspect(tmp_path / "log.csv"))
    reader = found.draft.source.reader
    assert {key: getattr(reader, key) for key in expected} == expected
    assert found.draft.source.labels.column == ("activity" if "label" in style else None)
    assert found.trial.summary.quarantined == 0
    assert found.trial.modalities["acc"].kept == 1500


def test_names_in_a_comment_are_names(tmp_path: Path) -> None:
    above = "#timestamp(ms),x,y,z(m/s^2)\n"
    acc = in_units(motion(7), {"acc": "m/s2"})["acc"]
    columns = {"0": np.arange(1500) * 20.0, **{str(at + 1): acc[:, at] for at in range(3)}}
    write_csv(tmp_path / "acc.txt", columns, header=False, above=above)
    found = checked(inspect(tmp_path / "acc.txt"))
    assert found.draft.source.modalities["acc"].columns == [1, 2, 3]
    assert found.draft.source.modalities["acc"].clock.unit == "ms"


def test_packed_text(tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv", stamped(8, 1.0))
    packed = tmp_path / "log.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "log.csv").read_bytes()))
    (tmp_path / "log.csv").unlink()
    checked(inspect(packed))


def _frame(seed: int) -> pl.DataFrame:
    return pl.DataFrame(stamped(seed, 1e-6, 1.7e15)).with_columns(
        pl.col("time").cast(pl.Int64), activity=pl.lit("walk")
    )


def test_parquet_and_arrow(tmp_path: Path) -> None:
    _frame(1).write_parquet(tmp_path / "a.parquet")
    table = _frame(1).to_arrow()
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    for name in ("parquet", "arrow"):
        found = checked(inspect(tmp_path / f"a.{name}"))
        assert found.draft.source.reader.format == name
        assert found.draft.source.labels.column == "activity"


def test_sqlite(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    frame = _frame(1)
    with closing(sqlite3.connect(tmp_path / "log.db")) as database, database:
        database.execute(f"CREATE TABLE readings ({', '.join(frame.columns)})")
        database.execute("CREATE TABLE people (name TEXT)")
        marks = ", ".join("?" * frame.width)
        database.executemany(f"INSERT INTO readings VALUES ({marks})", frame.rows())  # noqa: S608
    found = checked(inspect(tmp_path / "log.db"))
    assert (found.draft.source.reader.format, found.draft.source.reader.table) == ("sqlite", "readings")


def test_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    signals = in_units(motion(1), UNITS)
    with h5py.File(tmp_path / "log.h5", "w") as file:
        file["acc"], file["gyro"] = signals["acc"], signals["gyro"]
        file["time"] = np.arange(1500) * 0.02
    found = checked(inspect(tmp_path / "log.h5"))
    assert {name: spec.variable for name, spec in found.draft.source.modalities.items()} == {
        "acc": "acc",
        "gyro": "gyro",
    }


def test_json_lines_of_readings_of_sensors_and_of_batches(tmp_path: Path) -> None:
    signals = in_units(motion(9), {"acc": "m/s2", "gyro": "rad/s"})
    times = (1_700_000_000_000 + 20 * np.arange(1500)).tolist()
    axes = {name: [dict(zip("xyz", row, strict=True)) for row in rows.tolist()] for name, rows in signals.items()}
    readings = [{"t": t, "acc": a, "gyro": g} for t, a, g in zip(times, axes["acc"], axes["gyro"], strict=True)]
    long = [
        {"ts": t, "sensor": name, "values": {"x": v["x"], "y": v["y"], "z": v["z"]}}
        for t, a, g in zip(times, axes["acc"], axes["gyro"], strict=True)
        for name, v in (("accelerometer", a), ("gyroscope", g))
    ]
    sizes = np.tile([8, 12, 10], 50)
    edges = np.concatenate([[0], np.cumsum(sizes)])
    batches = [
        {"t": times[stop - 1], "acc": {axis: [v[axis] for v in axes["acc"][start:stop]] for axis in "xyz"}}
        for start, stop in pairwise(edges)
    ]
    for layout, records in (("reading", readings), ("long", long), ("batch", batches)):
        path = tmp_path / f"{layout}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        found = checked(inspect(path))
        assert found.draft.source.reader.layout == layout
        assert found.trial.modalities["acc"].kept == 1500
        if layout == "batch":
            assert found.draft.source.modalities["acc"].clock.stamps == "last"


def test_a_long_table(tmp_path: Path) -> None:
    signals = in_units(motion(9), {"acc": "g", "gyro": "deg/s"})
    rows = ["time,sensor,x,y,z"]
    for step in range(1500):
        for name in ("acc", "gyro"):
            rows.append(",".join([f"{step * 0.02:.2f}", name, *(f"{v:.5f}" for v in signals[name][step])]))
    (tmp_path / "log.csv").write_text("\n".join(rows) + "\n")
    found = checked(inspect(tmp_path / "log.csv"))
    assert found.draft.source.reader.sensor_column == "sensor"
    assert {name: spec.sensor for name, spec in found.draft.source.modalities.items()} == {"acc": "acc", "gyro": "gyro"}

"""Drafts of logs whose truth is known: they load, they read, and their units and rates are right."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import yaml

from mmbind.config import Source, load_params
from mmbind.errors import DataError, InputError
from mmbind.inspection import Inspection, inspect
from mmbind.simulation.fleets import FLEETS, write_demo_fleets
from tests.support import ROOT
from tests.unit.inspection.logs import GRAVITY, in_units, motion, triaxial, write_csv

UNITS = {"acc": "g", "gyro": "deg/s", "mag": "uT"}
NAMES = {"acc": "acc_{}", "gyro": "gyro_{}", "mag": "mag_{}"}


def _checked(found: Inspection, *, rate: float | None = 50.0) -> Inspection:
    """Whatever is drafted loads as it stands, conserves rows and has gravity at rest."""
    block = yaml.safe_load(found.draft.text)
    assert Source.model_validate(block[found.draft.name]) == found.draft.source
    acc = found.trial.modalities["acc"]
    assert acc.kept
    assert acc.rest == pytest.approx(GRAVITY, rel=0.02)
    if rate is not None:
        assert all(tried.rate_hz == pytest.approx(rate, rel=0.02) for tried in found.trial.modalities.values())
    return found


def _stamped(seed: int, unit_s: float, start: float = 0.0, units: dict[str, str] = UNITS) -> dict[str, np.ndarray]:
    signals = in_units(motion(seed), units)
    time = start + np.arange(1500) * 0.02 / unit_s
    return {"time": time, **triaxial(signals, NAMES)}


@pytest.mark.parametrize("acc", ["m/s2", "g", "mg"])
@pytest.mark.parametrize("gyro", ["rad/s", "deg/s"])
@pytest.mark.parametrize("mag", ["uT", "gauss", "nT"])
def test_units_are_told_by_physics(tmp_path: Path, acc: str, gyro: str, mag: str) -> None:
    units = {"acc": acc, "gyro": gyro, "mag": mag}
    for seed in range(2):
        write_csv(tmp_path / f"p{seed}.csv", _stamped(seed, 1.0, units=units))
    found = _checked(inspect(tmp_path))
    assert {name: spec.unit for name, spec in found.draft.source.modalities.items()} == units


def test_counts_get_the_scale_that_makes_rest_one_g(tmp_path: Path) -> None:
    signals = in_units(motion(1), {"acc": "g", "gyro": "deg/s"})
    counts = {"acc": np.rint(signals["acc"] * 4096), "gyro": np.rint(signals["gyro"] * 32768 / 250)}
    write_csv(tmp_path / "log.csv", {"t": np.arange(1500) * 0.02, **triaxial(counts, NAMES)})
    spec = _checked(inspect(tmp_path / "log.csv")).draft.source.modalities
    assert (spec["acc"].unit, spec["acc"].scale) == ("g", 1 / 4096)
    assert (spec["gyro"].unit, spec["gyro"].scale) == ("deg/s", pytest.approx(250 / 32768, rel=1e-4))


def test_odd_scales_are_commented(tmp_path: Path) -> None:
    signals = {"acc": motion(1)["acc"] * 3.7}
    write_csv(tmp_path / "log.csv", {"t": np.arange(1500) * 0.02, **triaxial(signals, NAMES)})
    found = _checked(inspect(tmp_path / "log.csv"))
    assert any("in no unit that is known; this scale makes that 1 g" in doubt for doubt in found.draft.unsure)


@pytest.mark.parametrize(
    ("unit", "seconds", "start"),
    [
        ("s", 1.0, 0.0),
        ("ms", 1e-3, 0.0),
        ("us", 1e-6, 5e6),
        ("ns", 1e-9, 3.1e11),
        ("s", 1.0, 1.7e9),
        ("ms", 1e-3, 1.7e12),
        ("us", 1e-6, 1.7e15),
    ],
)
def test_units_of_time_are_told_by_range_and_rate(tmp_path: Path, unit: str, seconds: float, start: float) -> None:
    write_csv(tmp_path / "log.csv", _stamped(3, seconds, start))
    clock = _checked(inspect(tmp_path / "log.csv")).draft.source.modalities["acc"].clock
    assert (clock.kind, clock.unit) == ("timestamp", unit)


def test_dates_are_a_clock(tmp_path: Path) -> None:
    moments = [f"2026-03-01T10:00:{k * 0.02:09.6f}Z" for k in range(1500)]
    acc = motion(2)["acc"]
    rows = [f"{when},{x:.4f},{y:.4f},{z:.4f}" for when, (x, y, z) in zip(moments, acc, strict=True)]
    (tmp_path / "log.csv").write_text("\n".join(["Timestamp,AccX,AccY,AccZ", *rows]) + "\n")
    found = _checked(inspect(tmp_path / "log.csv"))
    assert found.draft.source.modalities["acc"].clock.unit == "iso8601"


def test_bursts_are_spread_and_said(tmp_path: Path) -> None:
    columns = _stamped(4, 1.0)
    k = np.arange(1500)
    columns["time"] = (k // 5) * 0.1 + (k % 5) * 0.001
    write_csv(tmp_path / "log.csv", columns)
    found = _checked(inspect(tmp_path / "log.csv"))
    assert found.draft.source.modalities["acc"].clock.bursts == "spread"
    assert "readings come in bunches" in found.draft.text


def test_coarse_clocks_are_spread(tmp_path: Path) -> None:
    columns = _stamped(4, 1.0)
    columns["time"] = np.floor(columns["time"] * 10) / 10
    write_csv(tmp_path / "log.csv", columns)
    clock = _checked(inspect(tmp_path / "log.csv")).draft.source.modalities["acc"].clock
    assert "spread" in (clock.duplicates, clock.bursts)


def test_without_times_the_rate_is_a_guess_that_says_so(tmp_path: Path) -> None:
    columns = triaxial(in_units(motion(5), {"acc": "g"}), NAMES)
    write_csv(tmp_path / "log.csv", columns)
    found = _checked(inspect(tmp_path / "log.csv"), rate=None)
    assert found.draft.source.modalities["acc"].clock.kind == "sample_index"
    assert any("no column tells time" in doubt for doubt in found.draft.unsure)
    assert "# ? no column tells time" in found.draft.text


def test_without_times_turning_tells_the_rate(tmp_path: Path) -> None:
    columns = triaxial(in_units(motion(5), {"acc": "g", "gyro": "deg/s"}), NAMES)
    write_csv(tmp_path / "log.csv", columns)
    found = _checked(inspect(tmp_path / "log.csv"), rate=None)
    assert found.draft.source.modalities["acc"].clock.rate_hz == pytest.approx(50, rel=0.1)
    assert any("gravity turns as at about" in doubt for doubt in found.draft.unsure)


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
    write_csv(tmp_path / "log.csv", _stamped(6, 1.0), **style)
    found = _checked(inspect(tmp_path / "log.csv"))
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
    found = _checked(inspect(tmp_path / "acc.txt"))
    assert found.draft.source.modalities["acc"].columns == [1, 2, 3]
    assert found.draft.source.modalities["acc"].clock.unit == "ms"


def test_packed_text(tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv", _stamped(8, 1.0))
    packed = tmp_path / "log.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "log.csv").read_bytes()))
    (tmp_path / "log.csv").unlink()
    _checked(inspect(packed))


def _frame(seed: int) -> pl.DataFrame:
    return pl.DataFrame(_stamped(seed, 1e-6, 1.7e15)).with_columns(
        pl.col("time").cast(pl.Int64), activity=pl.lit("walk")
    )


def test_parquet_and_arrow(tmp_path: Path) -> None:
    _frame(1).write_parquet(tmp_path / "a.parquet")
    table = _frame(1).to_arrow()
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    for name in ("parquet", "arrow"):
        found = _checked(inspect(tmp_path / f"a.{name}"))
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
    found = _checked(inspect(tmp_path / "log.db"))
    assert (found.draft.source.reader.format, found.draft.source.reader.table) == ("sqlite", "readings")


def test_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    signals = in_units(motion(1), UNITS)
    with h5py.File(tmp_path / "log.h5", "w") as file:
        file["acc"], file["gyro"] = signals["acc"], signals["gyro"]
        file["time"] = np.arange(1500) * 0.02
    found = _checked(inspect(tmp_path / "log.h5"))
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
        found = _checked(inspect(path))
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
    found = _checked(inspect(tmp_path / "log.csv"))
    assert found.draft.source.reader.sensor_column == "sensor"
    assert {name: spec.sensor for name, spec in found.draft.source.modalities.items()} == {"acc": "acc", "gyro": "gyro"}


def test_other_modalities_get_their_units(tmp_path: Path) -> None:
    k = np.arange(600)
    columns = {
        "time": k * 0.5, "temperature": 20 + np.sin(k / 50), "pressure": 1013 + np.sin(k / 90),
        "humidity": 40 + np.sin(k / 70), "co2": 600 + k / 10, "yaw": 180 * np.sin(k / 60), "pitch": 80 * np.cos(k / 60),
        "roll": 170 * np.sin(k / 30),
    }  # fmt: skip
    write_csv(tmp_path / "log.csv", columns)
    found = inspect(tmp_path / "log.csv")
    units = {name: spec.unit for name, spec in found.draft.source.modalities.items()}
    assert units == {"temperature": "degC", "pressure": "hPa", "humidity": "%", "co2": "ppm", "orientation": "deg"}
    assert found.draft.source.modalities["orientation"].channels == ["yaw", "pitch", "roll"]
    assert found.draft.source.max_gap_s == pytest.approx(2.5, rel=0.01)
    assert found.trial.summary.recordings == 1


def test_a_folder_of_files_per_sensor_is_joined(tmp_path: Path) -> None:
    for subject in (1, 2, 3):
        for activity in ("WAL", "JOG", "SIT"):
            for trial in (1, 2):
                signals = motion(10 * subject + trial, count=400)
                for sensor in ("acc", "gyro"):
                    columns = {"t": np.arange(400) * 0.02, **dict(zip("xyz", signals[sensor].T, strict=True))}
                    write_csv(tmp_path / f"sub{subject}/{activity}/{activity}_{sensor}_{subject}_{trial}.csv", columns)
    (tmp_path / "README.md").write_text("About these data.")
    found = _checked(inspect(tmp_path))
    source = found.draft.source
    assert set(source.join) == {"acc", "gyro"}
    assert source.identity.groups == {"subject", "label", "session"}
    assert found.naming.others == ["README.md"]
    shown = found.trial.recordings
    assert set(shown["subject"]) <= {"1", "2", "3"}
    assert set(found.trial.labels) <= {"WAL", "JOG", "SIT"}
    assert shown.filter(pl.col("file_acc").is_null() | pl.col("file_gyro").is_null()).height == 0


def test_the_demo_fleets_are_read_as_their_study_reads_them(tmp_path: Path) -> None:
    write_demo_fleets(tmp_path, minutes=dict.fromkeys(FLEETS, 0.6), seed=3)
    declared = load_params(ROOT / "params.yaml").sources
    for name in FLEETS:
        source = _checked(inspect(tmp_path / name), rate=None).draft.source
        for modality, spec in declared[name].modalities.items():
            found = source.modalities[modality]
            assert (found.columns, found.unit) == (spec.columns, spec.unit)
            assert (found.clock.kind, found.clock.unit) == (spec.clock.kind, spec.clock.unit)
            assert getattr(found.clock, "stamps", None) == getattr(spec.clock, "stamps", None)
        assert source.labels.column == declared[name].labels.column
        assert source.identity.groups == {"subject", "session"}


def test_what_holds_no_log_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(DataError, match=r"a\.bin"):
        inspect(tmp_path / "a.bin")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no logs"):
        inspect(tmp_path / "empty")
    (tmp_path / "words.csv").write_text("a,b\nhello,world\n" * 20)
    with pytest.raises(DataError, match="holds no numbers"):
        inspect(tmp_path / "words.csv")

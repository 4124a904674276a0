"""HDF5: datasets as modalities or columns, and what is no reading in such a file."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmbind.errors import InputError
from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import aside, conserved, manifest, rows_of, source_study, table


def clock(column: str) -> dict[str, str]:
    """Times in ms."""
    return {"kind": "timestamp", "column": column, "unit": "ms"}


def hdf5_study(root: Path, acc: dict[str, Any], gyro: dict[str, Any], **more: Any) -> Study:
    """A source of HDF5 files."""
    mods = {"acc": {"unit": "m/s2", **acc}, "gyro": {"unit": "rad/s", **gyro}}
    return source_study(root, **{"files": "*.h5", "reader": {"format": "hdf5"}, "modalities": mods, **more})


def variables_study(root: Path) -> Study:
    """Both modalities as variables of their own length and rate."""
    acc = {"variable": "imu/acc", "clock": clock("imu/acc_t")}
    return hdf5_study(root, acc, {"variable": "/gyro", "time_axis": 1, "columns": [2, "0"], "clock": clock("t")})


def write_variables(path: Path, count: int = 40) -> None:
    """A file of that study: big-endian float32 in compressed chunks, and int16 beside."""
    with h5py.File(path, "w") as file:
        values = np.arange(count * 3, dtype=">f4").reshape(count, 3)
        file.create_dataset("imu/acc", data=values, chunks=(16, 2), compression="gzip")
        file["imu/acc_t"] = np.arange(count, dtype=np.uint32) * 10
        file["gyro"] = np.arange(3 * 9, dtype=np.int16).reshape(3, 9)
        file["t"] = np.arange(9) * 20.5
        file["label"] = ["walk"] * count


def test_variables_have_their_own_rate_axis_and_byte_order(tmp_path: Path) -> None:
    study = variables_study(tmp_path)
    write_variables(study.raw("s") / "p1_1.h5")
    ingest(study, "s")
    acc, gyro = rows_of(study, "acc"), rows_of(study, "gyro")
    assert acc["c1"].to_list() == [3 * i + 1 for i in range(40)]
    assert gyro.select("t_ns", "c0", "c1").rows()[1] == (20_500_000, 19.0, 1.0)
    assert manifest(study)["modalities"]["acc"]["channels"] == ["c0", "c1", "c2"]
    assert "gyro: the dataset 'label' has 40 rows of 1, not 9 of 1" in table(study, "quarantine")["reason"][0]
    assert table(study, "labels")["label"].to_list() == ["walk"]
    assert conserved(study)


def test_blocks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = variables_study(tmp_path)
    write_variables(study.raw("s") / "p1_1.h5", 100)
    ingest(study, "s")
    whole = rows_of(study, "acc")
    (study.records("s") / "manifest.json").unlink()
    monkeypatch.setattr("mmbind.sources.readers.hdf5.CELLS", 28)
    assert ingest(study, "s").read == 1
    assert rows_of(study, "acc").equals(whole)


def test_fields_of_a_compound_dataset_make_a_long_table(tmp_path: Path) -> None:
    spec = {"variable": "log", "columns": ["x", "y"], "clock": clock("t")}
    reader = {"format": "hdf5", "layout": "long", "sensor_column": "who"}
    study = hdf5_study(tmp_path, {**spec, "sensor": "A"}, {**spec, "sensor": "G"}, reader=reader)
    log = np.zeros(9, dtype=[("t", "i8"), ("who", "S2"), ("x", "f4"), ("y", "i2"), ("label", "S4")])
    log["t"], log["x"], log["label"] = np.arange(9), np.arange(9), b"run"
    log["who"] = [b"A", b"G", b"L"] * 2 + [b"A", b"", b"\xff"]
    with h5py.File(study.raw("s") / "p1_1.h5", "w") as file:
        file["log"] = log
    ingest(study, "s")
    assert rows_of(study, "acc")["c0"].to_list() == [0, 3, 6]
    assert rows_of(study, "gyro")["c0"].to_list() == [1, 4]
    assert manifest(study)["files"]["p1_1.h5"]["passed"] == {"L": 2, "\\xff": 1}
    assert aside(study) == [("p1_1.h5", 8, name, "broken_line") for name in ("acc", "gyro")]
    assert conserved(study)


def test_what_lies_elsewhere_or_was_never_written_is_no_reading(tmp_path: Path) -> None:
    study = variables_study(tmp_path)
    for number in range(1, 6):
        write_variables(study.raw("s") / f"p{number}_1.h5")
    write_variables(tmp_path / "other.h5")
    with h5py.File(study.raw("s") / "p2_1.h5", "a") as file:
        del file["imu/acc"]
        file["imu/acc"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/imu/acc")
    with h5py.File(study.raw("s") / "p3_1.h5", "a") as file:
        del file["imu/acc"]
        file.create_dataset("imu/acc", (40, 3), "f4", chunks=(10, 3))[:20] = 1
    with h5py.File(study.raw("s") / "p4_1.h5", "a") as file:
        del file["imu/acc"]
        file["imu/acc"] = np.zeros((40, 3), dtype=complex)
    with h5py.File(study.raw("s") / "p5_1.h5", "a") as file:
        file.move("imu/acc", "imu/accel")
    ingest(study, "s")
    reasons = dict(
        table(study, "quarantine").filter(rule="missing_column").sort("file").select("file", "reason").iter_rows()
    )
    told = {
        "p2_1.h5": "acc: the dataset 'imu/acc' lies in another file.",
        "p3_1.h5": "acc: the dataset 'imu/acc' was never wholly written.",
        "p4_1.h5": "acc: the column '0' holds Object, not numbers.",
        "p5_1.h5": "acc: the dataset 'imu/acc' is missing. Did you mean 'imu/accel'?",
    }
    assert set(reasons) == set(told)
    assert {file: reasons[file][: len(reason)] for file, reason in told.items()} == told
    assert rows_of(study, "acc").height == 40
    assert rows_of(study, "gyro").height == 45


def test_without_h5py_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = variables_study(tmp_path)
    write_variables(study.raw("s") / "p1_1.h5")
    importing = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return importing(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"pip install '.\[hdf5\]'"):
        ingest(study, "s")

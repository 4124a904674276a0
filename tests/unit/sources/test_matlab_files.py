"""MATLAB files: trials of several files, and damage that costs only itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.io import savemat

from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import aside, conserved, manifest, rows_of, source_study, table


def matlab_study(root: Path, **source: Any) -> Study:
    """Accelerometer and gyroscope in one variable of a file, the skeleton in a file beside it."""
    clock = {"kind": "sample_index", "rate_hz": 50}
    inertial = {"variable": "iner", "clock": clock, "channels": list("xyz")}
    fields = {
        "join": {"acc": "I/*.mat", "gyro": "I/*.mat", "skeleton": "S/*.mat"},
        "reader": {"format": "matlab"},
        "identity": {"pattern": r"a(?P<label>\d+)_s(?P<subject>\d+)_t(?P<session>\d+)_"},
        "labels": {"map": {"1": "wave"}},
        "modalities": {
            "acc": {**inertial, "columns": [0, 1, 2], "unit": "g"},
            "gyro": {**inertial, "columns": ["3", "4", "5"], "unit": "deg/s"},
            "skeleton": {"variable": "skel", "time_axis": 2, "unit": "m", "clock": {**clock, "rate_hz": 30}},
        },
    }
    study = source_study(root, **{**fields, **source})
    for folder in "IS":
        (study.raw("s") / folder).mkdir()
    return study


def write_trial(study: Study, trial: str, count: int = 20, joints: int = 2) -> tuple[Path, np.ndarray, np.ndarray]:
    """Writes both files of a trial; returns the first and what is in them."""
    draw = np.random.default_rng(count)
    inertial, skeleton = draw.normal(size=(count, 6)), draw.normal(size=(joints, 3, count // 2))
    path = study.raw("s") / "I" / f"{trial}_inertial.mat"
    savemat(path, {"iner": inertial})
    savemat(study.raw("s") / "S" / f"{trial}_skeleton.mat", {"skel": skeleton}, do_compression=True)
    return path, inertial, skeleton


def test_files_of_a_trial_are_joined_to_one_recording(tmp_path: Path) -> None:
    study = matlab_study(tmp_path)
    _, inertial, skeleton = write_trial(study, "a1_s3_t2")
    write_trial(study, "a2_s3_t2")
    ingest(study, "s")
    recordings = table(study, "recordings").sort("file")
    assert recordings["file_skeleton"].to_list() == ["S/a1_s3_t2_skeleton.mat", "S/a2_s3_t2_skeleton.mat"]
    assert (recordings["subject"][0], recordings["session"][0]) == ("3", "2")
    first = recordings["recording"][0]
    mine = pl.col("recording") == first
    np.testing.assert_allclose(
        rows_of(study, "acc").filter(mine).select("x", "y", "z"), inertial[:, :3] * 9.80665, rtol=1e-6
    )
    shown = rows_of(study, "skeleton").filter(mine)
    np.testing.assert_allclose(shown.select("c0", "c3", "c5"), skeleton[[0, 1, 1], [0, 0, 2]].T, rtol=1e-6)
    assert shown["t_ns"][:3].to_list() == [0, 33_333_333, 66_666_667]
    assert table(study, "labels").sort("label")["label"].to_list() == ["2", "wave"]
    assert manifest(study)["modalities"]["skeleton"]["channels"] == [f"c{i}" for i in range(6)]
    assert len({entry["shard"] for path, entry in manifest(study)["files"].items() if "a1_" in path}) == 1
    assert conserved(study)


def test_a_truncated_matlab_file_costs_only_itself(tmp_path: Path) -> None:
    study = matlab_study(tmp_path)
    path, *_ = write_trial(study, "a1_s1_t1", 200)
    write_trial(study, "a1_s2_t1")
    path.write_bytes(path.read_bytes()[:1000])
    ingest(study, "s")
    assert aside(study) == [("I/a1_s1_t1_inertial.mat", None, None, "unreadable")]
    entry = manifest(study)["files"]["I/a1_s1_t1_inertial.mat"]
    assert (entry["status"], entry["modalities"]) == ("unreadable", {})
    recordings = table(study, "recordings")
    assert recordings.filter(pl.col("file_acc").is_null())["file_skeleton"].to_list() == ["S/a1_s1_t1_skeleton.mat"]


@pytest.mark.parametrize("spoil", ["garbage", "head", "zeros"])
def test_no_damage_of_a_matlab_file_stops_the_others(tmp_path: Path, spoil: str) -> None:
    study = matlab_study(tmp_path)
    path, *_ = write_trial(study, "a1_s1_t1", 200)
    write_trial(study, "a1_s2_t1")
    whole = path.read_bytes()
    path.write_bytes({"garbage": b"no matlab" * 40, "head": whole[:60], "zeros": whole[:128] + bytes(400)}[spoil])
    ingest(study, "s")
    assert [(file, line) for file, line, *_ in aside(study)] == [("I/a1_s1_t1_inertial.mat", None)]
    assert rows_of(study, "acc").height == 20


def test_matlab_variables_of_another_shape_or_type_are_set_aside(tmp_path: Path) -> None:
    study = matlab_study(tmp_path)
    write_trial(study, "a1_s1_t1")
    savemat(study.raw("s") / "I" / "a1_s2_t1_i.mat", {"iner": np.zeros((9, 4))})
    savemat(study.raw("s") / "I" / "a1_s3_t1_i.mat", {"Iner": np.zeros((9, 6))})
    savemat(study.raw("s") / "I" / "a1_s4_t1_i.mat", {"iner": "text"})
    savemat(study.raw("s") / "S" / "a1_s5_t1_s.mat", {"skel": np.zeros((3, 3, 5))})
    ingest(study, "s")
    reasons = table(study, "quarantine").select("file", "reason").rows()
    assert [file for file, _ in reasons] == [
        "I/a1_s2_t1_i.mat", "I/a1_s3_t1_i.mat", "I/a1_s3_t1_i.mat", "I/a1_s4_t1_i.mat", "I/a1_s4_t1_i.mat",
        "S/a1_s5_t1_s.mat",
    ]  # fmt: skip
    assert "gyro: the column '4' is missing" in reasons[0][1]
    assert "Did you mean 'Iner'" in reasons[1][1]
    assert "no array of real numbers" in reasons[3][1]
    assert "there are 9 columns, not 6" in reasons[5][1]
    assert conserved(study)


def test_two_files_that_claim_the_same_recording_are_told_apart(tmp_path: Path) -> None:
    study = matlab_study(tmp_path)
    path, *_ = write_trial(study, "a1_s1_t1")
    path.with_name("a1_s1_t1_copy.mat").write_bytes(path.read_bytes())
    (study.raw("s") / "I" / "notes.mat").write_bytes(b"x")
    ingest(study, "s")
    assert [(file, rule) for file, _, _, rule in aside(study)] == [
        ("I/a1_s1_t1_inertial.mat", "same_recording"),
        ("I/notes.mat", "unmatched_path"),
    ]

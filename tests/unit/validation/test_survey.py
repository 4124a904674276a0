"""Faults of single readings and turns, on signals whose faults are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.files import write_parquet
from mmbind.validation import pieces as pieces_module
from mmbind.validation.faults import find_faults
from mmbind.validation.pose import poses
from mmbind.validation.turning import AXES, turning
from tests.unit.validation.records import RATE_HZ, worn

STEP_NS = round(1e9 / RATE_HZ)


def write(folder: Path, modality: str, recordings: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """Writes records of a modality; returns recording and file."""
    frames = [
        pl.DataFrame({"recording": [name] * len(values), "t_ns": np.arange(len(values)) * STEP_NS}).hstack(
            pl.DataFrame(values.astype(np.float32), schema=[f"c{i}" for i in range(values.shape[1])])
        )
        for name, values in sorted(recordings.items())
    ]
    write_parquet(folder / modality / "00000.parquet", pl.concat(frames))
    return pl.DataFrame({"recording": sorted(recordings), "file": sorted(recordings)})


def faulty() -> dict[str, np.ndarray]:
    """An accelerometer's recordings, one fault each."""
    recordings = {
        name: worn(seed)["acc"].astype(np.float32) for seed, name in enumerate(["flat", "leap", "sound", "top"])
    }
    recordings["flat"][300:400, 1] = recordings["flat"][300, 1]
    recordings["leap"][[50, 120, 700], 2] += 60
    recordings["top"] = recordings["top"].clip(-9, 9)
    return recordings


def faults(folder: Path) -> dict[str, dict[str, float]]:
    files = write(folder, "acc", faulty())
    found = find_faults(folder, "acc", files, greatest=15.0)
    return {row["file"]: row for row in found.iter_rows(named=True)}


def test_faults_are_measured_where_they_are(tmp_path: Path) -> None:
    found = faults(tmp_path)
    assert {name: row["spikes"] for name, row in found.items()} == {"flat": 0, "leap": 3, "sound": 0, "top": 0}
    assert found["flat"]["frozen_s"] == pytest.approx(99 / RATE_HZ)
    assert {row["frozen_s"] for name, row in found.items() if name in ("leap", "sound")} == {0}
    assert found["top"]["clipped_share"] > 0.3
    assert {row["clipped_share"] for name, row in found.items() if name in ("leap", "sound")} == {0}
    length = np.linalg.norm(faulty()["sound"].astype(np.float64), axis=1)
    assert found["sound"]["mean_magnitude"] == pytest.approx(length.mean())
    assert found["sound"]["greatest_magnitude"] == pytest.approx(length.max())


def test_faults_do_not_depend_on_how_a_shard_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = faults(tmp_path / "whole")
    monkeypatch.setattr(pieces_module, "BATCH", 77)
    assert faults(tmp_path / "small") == whole


def test_coarse_readings_are_not_frozen(tmp_path: Path) -> None:
    still = np.round(worn(1)["acc"] / 4) * 4
    files = write(tmp_path, "acc", {"r": still})
    assert find_faults(tmp_path, "acc", files, 20.0)["frozen_s"][0] == 0


def test_points_have_a_size_and_lengths_are_those_of_vectors(tmp_path: Path) -> None:
    joints = np.tile(np.array([[0, 0, 2, 0.3, 1.7, 2, 0, 0.9, 2.1]]), (50, 1))
    row = find_faults(tmp_path, "s", write(tmp_path, "s", {"r": joints}), 3.0).row(0, named=True)
    assert row["extent"] == pytest.approx(1.7)
    assert row["mean_magnitude"] is None


def turned_by(folder: Path, way: np.ndarray, factor: float = 1.0) -> dict[str, float | None]:
    """The agreement when the gyroscope's axes are named in another way."""
    signals = {f"r{seed}": worn(seed, seconds=60.0) for seed in range(4)}
    files = write(folder, "acc", {name: part["acc"] for name, part in signals.items()})
    write(folder, "gyro", {name: part["gyro"] @ way.T * factor for name, part in signals.items()})
    found = turning(folder, "acc", "gyro", files, gravity=True)
    assert found is not None
    return dict(found.figures)


def test_a_sound_gyroscope_agrees(tmp_path: Path) -> None:
    figures = turned_by(tmp_path, np.eye(3))
    assert (figures["turning_agreement"] or 0) > 0.95
    assert figures["turning_scale"] == pytest.approx(1, abs=0.05)
    assert figures["turning_margin"] == pytest.approx(0, abs=0.05)  # nobody turns about z: its sign cannot be told


@pytest.mark.parametrize("number", [1, 8, 17, 30, 47])
def test_another_naming_of_the_axes_is_found_unless_nothing_tells(tmp_path: Path, number: int) -> None:
    way = AXES[number]
    figures = turned_by(tmp_path, way)
    same = np.allclose(way[:2, :2], np.eye(2))  # x and y, about which the wrist turns, are as they were
    assert ((figures["turning_margin"] or 0) > -0.1) == same
    assert ((figures["turning_agreement"] or 0) > 0.9) == same


@pytest.mark.parametrize("factor", [np.pi / 180, 0.5, 2.0])
def test_a_wrong_factor_is_told(tmp_path: Path, factor: float) -> None:
    figures = turned_by(tmp_path, np.eye(3), factor)
    assert figures["turning_scale"] == pytest.approx(1 / factor, rel=0.06)


@pytest.mark.parametrize(("ways", "told"), [(1, {"r03"}), (6, set())])
def test_a_file_whose_gravity_points_elsewhere_is_told_where_all_others_agree(
    tmp_path: Path, ways: int, told: set[str]
) -> None:
    recordings = {f"r{seed:02d}": worn(seed)["acc"] @ AXES[seed % ways * 8] for seed in range(12)}
    recordings["r03"] = recordings["r03"][:, [0, 2, 1]]
    files = write(tmp_path, "acc", recordings).with_columns(device=pl.lit("d"), placement=pl.lit("wrist"))
    found = poses(tmp_path, "acc", files)
    assert set(found.filter(pl.col("pose_angle") > 75)["file"]) == told

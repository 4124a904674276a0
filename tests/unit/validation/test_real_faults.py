"""Real logs spoilt on purpose: every rule of physics finds its fault, names the file, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.io import loadmat, savemat

from tests.unit.validation import real

pytestmark = pytest.mark.real
Source = dict[str, Any]
#: What sound GeoTec logs warn of: the watch's clock repeats its stamps.
REPEATED_STAMPS = {"quarantine", "quarantine_of_file", "duplicates"}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few files of three data sets, each in its own folder."""
    root = tmp_path_factory.mktemp("raw")
    real.unpack("geotec.tar.xz", r"s01_\d+_s[pw]\.csv$", 12, root / "geotec")
    real.unpack("utd_mhad.tar.xz", r"a\d+_s1_t[12]_", 108, root / "utd")
    real.unpack("weda_fall.tar.xz", r"D01/U\d+_R\d+_(accel|orientation)\.csv$", 16, root / "weda")
    return root


def broken(
    raw: Path, root: Path, name: str, source: Source, spoil: Callable[[Path], None] | None = None
) -> dict[str, dict[str, Any]]:
    """The rules that a data set breaks, once its files are spoilt."""
    study = real.study_of(root, source)
    shutil.copytree(raw / name, study.raw("s"))
    if spoil is not None:
        spoil(study.raw("s"))
    return real.judged(study)


def critical(rules: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, rule in rules.items() if rule["severity"] == "critical"}


def changed(source: Source, modality: str, **keys: Any) -> Source:
    """The source with some keys of a modality changed."""
    modalities = {**source["modalities"], modality: {**source["modalities"][modality], **keys}}
    return {**source, "modalities": modalities}


def test_sound_logs_break_no_rule_but_those_that_are_true(raw: Path, tmp_path: Path) -> None:
    assert set(broken(raw, tmp_path / "geotec", "geotec", real.wrist_and_pocket())) <= REPEATED_STAMPS
    assert set(broken(raw, tmp_path / "utd", "utd", real.gestures())) == set()
    bursts = {"rate", "gaps", "clock_back", "duplicates", "time_missing", "clipped"}
    coarse = {"alive_in_file", "frozen"}  # orientations are rounded to 0.1
    assert set(broken(raw, tmp_path / "weda", "weda", real.watch())) <= bursts | coarse


TURNED_WRONG: dict[str, tuple[dict[str, Any], set[str]]] = {
    "rad/s declared as deg/s": ({"unit": "deg/s"}, {"turns_agree", "turns_scale_stop"}),
    "two axes swapped": ({"columns": ["y_gyro", "x_gyro", "z_gyro"]}, {"turns_agree", "turns_axes"}),
    "an axis that points the other way": ({"scale": [1, -1, 1]}, {"turns_agree", "turns_axes"}),
    "half the range assumed": ({"scale": 0.5}, {"turns_scale_stop"}),
}


@pytest.mark.parametrize(("keys", "rules"), list(TURNED_WRONG.values()), ids=list(TURNED_WRONG))
def test_a_gyroscope_that_gravity_contradicts_stops(
    raw: Path, tmp_path: Path, keys: dict[str, Any], rules: set[str]
) -> None:
    source = changed(real.wrist_and_pocket(), "gyro", **keys)
    assert critical(broken(raw, tmp_path / "study", "geotec", source)) == rules


def test_deg_per_second_declared_as_rad_per_second_stops(raw: Path, tmp_path: Path) -> None:
    rules = critical(broken(raw, tmp_path / "study", "utd", changed(real.gestures(), "gyro", unit="rad/s")))
    assert rules >= {"rotation", "rotation_range", "turns_agree", "turns_scale_stop"}


def test_swapped_axes_of_the_accelerometer_stop(raw: Path, tmp_path: Path) -> None:
    rules = broken(raw, tmp_path / "study", "utd", changed(real.gestures(), "acc", columns=[1, 0, 2]))
    assert critical(rules) == {"turns_agree", "turns_axes"}


def test_a_wrong_rate_stops(raw: Path, tmp_path: Path) -> None:
    source = changed(real.wrist_and_pocket(), "acc", clock=real.counted(50))  # they ran at 100 Hz
    rules = broken(raw, tmp_path / "study", "geotec", changed(source, "gyro", clock=real.counted(50)))
    assert "turns_scale_stop" in critical(rules)
    assert rules["turns_scale_stop"]["broken"]["value"] == pytest.approx(0.5, abs=0.05)


def test_g_declared_as_metres_per_second_squared_stops(raw: Path, tmp_path: Path) -> None:
    rules = critical(broken(raw, tmp_path / "study", "utd", changed(real.gestures(), "acc", unit="m/s2")))
    assert rules >= {"gravity", "gravity_of_file"}


def test_columns_named_twice_are_told(raw: Path, tmp_path: Path) -> None:
    rules = broken(raw, tmp_path / "study", "utd", changed(real.gestures(), "gyro", columns=[0, 1, 2]))
    assert "twins" in rules


def test_faults_of_skeletons_are_told(raw: Path, tmp_path: Path) -> None:
    def spoil(folder: Path) -> None:
        millimetres, still = (folder / "Skeleton" / f"a{action}_s1_t1_skeleton.mat" for action in (1, 2))
        savemat(millimetres, {"d_skel": loadmat(millimetres)["d_skel"] * 1000})
        joints = loadmat(still)["d_skel"]
        joints[7, :, 10:] = joints[7, :, 10:11]
        savemat(still, {"d_skel": joints})

    rules = broken(raw, tmp_path / "study", "utd", real.gestures(), spoil)
    assert set(rules) == {"distance_range", "body_size", "frozen"}
    assert real.files_of(rules["body_size"]) == {"a1_s1_t1_skeleton.mat"}
    assert real.files_of(rules["frozen"]) == {"a2_s1_t1_skeleton.mat"}


def test_orientations_are_unit_vectors(raw: Path, tmp_path: Path) -> None:
    def spoil(folder: Path) -> None:
        path = sorted(folder.rglob("*_orientation.csv"))[0]
        table = pl.read_csv(path)
        rows = pl.int_range(pl.len())
        names = [name for name in table.columns if "time" not in name]
        table.with_columns(pl.when(rows % 50 == 7).then(0.0).otherwise(name).alias(name) for name in names).write_csv(
            path
        )

    rules = broken(raw, tmp_path / "zeros", "weda", real.watch(), spoil)
    assert real.files_of(rules["unit_least"]) == {"U01_R01_orientation.csv"}
    scaled = broken(raw, tmp_path / "scaled", "weda", changed(real.watch(), "orientation", scale=0.5))
    assert critical(scaled) == {"unit_vector"}


def spoil_files(folder: Path) -> None:
    """One fault in each of eight files."""
    acc, gyro = ([f"{axis}_{sensor}" for axis in "xyz"] for sensor in ("acc", "gyro"))
    row = pl.int_range(pl.len())

    def spoil(name: str, *columns: pl.Expr, rows: pl.Expr | None = None, to: str | None = None) -> None:
        path = next(folder.rglob(name))
        table = pl.read_csv(path).filter(pl.lit(True) if rows is None else rows)
        table.with_columns(columns).write_csv(path.with_name(to or name))

    spoil("s01_01_sp.csv", pl.when(row > 200).then(pl.col("z_acc").get(200)).otherwise("z_acc").alias("z_acc"))
    spoil("s01_06_sp.csv", pl.col(acc).clip(-14, 14))
    spoil("s01_02_sp.csv", pl.col("y_gyro") + pl.when(row % 97 == 50).then(40).otherwise(0))
    spoil("s01_02_sw.csv", rows=row // 25 % 3 != 1)
    spoil("s01_03_sp.csv", pl.col("timestamp") // 2)
    spoil("s01_03_sw.csv", pl.col(acc) / 9.80665)
    spoil(
        "s01_04_sw.csv",
        pl.col("timestamp") + 86_400_000,
        pl.col(acc + gyro).round(5),
        rows=row > 100,
        to="s09_01_sw.csv",
    )


def test_every_spoilt_file_is_named_by_the_rule_of_its_fault(raw: Path, tmp_path: Path) -> None:
    rules = broken(raw, tmp_path / "study", "geotec", real.wrist_and_pocket(), spoil_files)
    assert real.files_of(rules["frozen"]) == {"s01_01_sp.csv"}
    assert real.files_of(rules["clipped"]) == {"s01_06_sp.csv"}
    assert real.files_of(rules["spikes"]) == {"s01_02_sp.csv"}
    assert real.files_of(rules["time_missing"]) == {"s01_02_sw.csv"}
    assert "s01_03_sp.csv" in real.files_of(rules["rate"])
    assert real.files_of(rules["gravity_of_file"]) == {"s01_03_sw.csv"}
    assert real.files_of(rules["copies"]) == {"s01_04_sw.csv", "s09_01_sw.csv"}
    assert np.isclose(rules["copies"]["broken"]["value"], 1, atol=0.5)
    assert critical(rules) == {"gravity_of_file"}


def test_a_watch_whose_axes_changed_in_one_file_is_told(tmp_path: Path) -> None:
    real.unpack("geotec.tar.xz", r"s0[12]_\d+_sw\.csv$", 11, tmp_path / "raw" / "watches")

    def spoil(folder: Path) -> None:
        path = next(folder.rglob("s01_05_sw.csv"))
        swapped = {f"{one}_{sensor}": f"{other}_{sensor}" for one, other in ("xz", "zx") for sensor in ("acc", "gyro")}
        pl.read_csv(path).with_columns(**swapped).write_csv(path)

    rules = broken(tmp_path / "raw", tmp_path / "study", "watches", real.wrist_and_pocket(), spoil)
    assert real.files_of(rules["pose"]) == {"s01_05_sw.csv"}
    assert critical(rules) == set()

"""Rules of ``expectations/records.json`` about units and axes, and real files spoilt to break each."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.io import loadmat, savemat

from mmbind.units import GRAVITY
from tests.unit.rules.spoil import (
    ACC,
    FIELD,
    GYRO,
    ROW,
    Case,
    Spoil,
    cells,
    columns,
    edit,
    numbers,
    swapped,
    times,
)

ONE = "s01_02_sp.csv"
ACC_RECORDS = "acc/*.parquet"
Table = npt.NDArray[np.float64]


def _joints(factor: float) -> Spoil:
    def spoil(folder: Path) -> None:
        path = next(folder.rglob("a1_s1_t1_skeleton.mat"))
        savemat(path, {"d_skel": loadmat(path)["d_skel"] * factor})

    return spoil


def _quaternion(factor: float) -> Spoil:
    """A quaternion scaled in some readings of one file."""
    names = [f"orientation_{part}_list" for part in "sijk"]
    wrong = [pl.when(ROW % 50 == 7).then(pl.col(name) * factor).otherwise(pl.col(name)).alias(name) for name in names]
    return edit(lambda table: table.with_columns(wrong), "U01_R01_orientation.csv")


def _angles(factor: float, file: str) -> Spoil:
    return numbers(lambda table: table * np.array([1, factor, factor, factor]), file)


def _long_and_swapped(folder: Path) -> None:
    """Appends one file to another one, a second later, and swaps two axes in both."""
    first, second = (next(folder.rglob(name)) for name in (ONE, "s01_03_sp.csv"))
    one, other = pl.read_csv(first), pl.read_csv(second)
    late = pl.col("timestamp") - other["timestamp"][0] + one["timestamp"][-1] + 1000
    pl.concat([one, other.with_columns(late)]).write_csv(first)
    second.unlink()
    swapped("x_gyro", "y_gyro", ONE)(folder)


phones, around, watches = (partial(Case, logs=logs) for logs in ("phones", "surroundings", "watches"))
CASES = [
    # units
    phones(
        "gravity",
        fault="all files are in g",
        spoil=columns(ACC, times(1 / GRAVITY)),
        reads="rest_magnitude of acc is 1.01... m/s2, allowed is 8 to 12 m/s2",
    ),
    phones(
        "calibration",
        fault="a scale is off by a tenth",
        spoil=columns(ACC, times(1.1)),
        reads="rest_magnitude of acc is 10.9... m/s2, allowed is 9.2 to 10.4 m/s2",
    ),
    phones(
        "gravity_of_file",
        fault="one file is in g",
        spoil=columns(ACC, times(1 / GRAVITY), ONE),
        reads="mean_magnitude of acc in ...s01_02_sp.csv is 1.08... m/s2, allowed is 8 to 30 m/s2",
    ),
    Case(
        "gravity_off",
        logs="shaken",
        fault="every other reading has the wrong sign",
        spoil=columns(ACC, lambda value: pl.when(ROW % 2 == 0).then(value).otherwise(-value)),
        reads="rest_magnitude of linear is 9.96... m/s2, allowed is at most 3 m/s2",
    ),
    phones(
        "rotation",
        fault="all files are in deg/s",
        spoil=columns(GYRO, times(180 / np.pi)),
        reads="typical_magnitude of gyro is 77.2... rad/s, allowed is at most 6 rad/s",
    ),
    phones(
        "rotation_range",
        fault="one file is in deg/s",
        spoil=columns(GYRO, times(180 / np.pi), ONE),
        reads="abs_max of gyro in ...s01_02_sp.csv is 360... rad/s, allowed is at most 75 rad/s",
    ),
    phones(
        "turning",
        fault="rad/s was divided by 57.3 once too often",
        spoil=columns(GYRO, times(np.pi / 180)),
        reads="abs_max of gyro is 0.109... rad/s, allowed is at least 0.3 rad/s",
    ),
    around(
        "field",
        fault="one file is in gauss",
        spoil=columns(FIELD, times(0.01), ONE),
        reads="typical_magnitude of mag in ...s01_02_sp.csv is 0.501... uT, allowed is 5 to 1000 uT",
    ),
    around(
        "field_strength",
        fault="a magnet lies beside the phone",
        spoil=columns(FIELD, lambda value: value + 150),
        reads="typical_magnitude of mag is 225... uT, allowed is 20 to 100 uT",
    ),
    Case(
        "distance_range",
        logs="gestures",
        fault="one skeleton is in mm",
        spoil=_joints(1000),
        reads="abs_max of skeleton in Skeleton/a1_s1_t1_skeleton.mat is 294... m, allowed is 0.1 to 20 m",
    ),
    Case(
        "body_size",
        logs="gestures",
        fault="one skeleton is in inches",
        spoil=_joints(39.37),
        reads="extent of skeleton in Skeleton/a1_s1_t1_skeleton.mat is 62.0... m, allowed is 0.3 to 3 m",
    ),
    Case(
        "unit_vector",
        logs="watch",
        fault="one orientation is scaled by 16384",
        spoil=columns([f"orientation_{part}_list" for part in "sijk"], times(16384), "U01_R01_orientation.csv"),
        reads="mean_magnitude of orientation in ...U01_R01_orientation.csv is 164..., allowed is 0.9 to 1.1",
    ),
    Case(
        "unit_least",
        logs="watch",
        fault="quaternions drop to zero",
        spoil=_quaternion(0),
        reads="least_magnitude of orientation in ...U01_R01_orientation.csv is 0.0, allowed is at least 0.7",
    ),
    Case(
        "unit_greatest",
        logs="watch",
        fault="quaternions are doubled",
        spoil=_quaternion(2),
        reads="greatest_magnitude of orientation in ...U01_R01_orientation.csv is 2.09..., allowed is at most 1.3",
    ),
    Case(
        "angle_range",
        logs="angles",
        fault="one file's degrees were multiplied by 57.3",
        spoil=_angles(180 / np.pi, "CSI_ori_2_1.txt"),
        reads="abs_max of euler in ...CSI_ori_2_1.txt is 359... rad, allowed is at most 6.4 rad",
    ),
    Case(
        "angles_vary",
        logs="angles",
        fault="all files are in radians",
        spoil=_angles(np.pi / 180, "*.txt"),
        reads="abs_max of euler is 0.109... rad, allowed is at least 0.12 rad",
    ),
    around(
        "temperature",
        fault="one file is in kelvin",
        spoil=columns(["warmth"], lambda value: value + 273.15, ONE),
        reads="abs_max of warmth in ...s01_02_sp.csv is 298... degC, allowed is at most 100 degC",
    ),
    around(
        "temperature_usual",
        fault="one file is in degF",
        spoil=columns(["warmth"], lambda value: value * 9 / 5 + 32, ONE),
        reads="max of warmth in ...s01_02_sp.csv is 77.0 degC, allowed is at most 60 degC",
    ),
    around(
        "light",
        fault="a dark offset was taken off twice",
        spoil=columns(["light"], lambda value: value - 400, ONE),
        reads="min of light in ...s01_02_sp.csv is -110... lx, allowed is at least -1 lx",
    ),
    around(
        "light_range",
        fault="one file is in thousandths of a lux",
        spoil=columns(["light"], times(1000), ONE),
        reads="max of light in ...s01_02_sp.csv is 310... lx, allowed is at most 200000 lx",
    ),
    around(
        "pressure_low",
        fault="one file is in atmospheres",
        spoil=columns(["air"], times(1 / 1013.25), ONE),
        reads="min of air in ...s01_02_sp.csv is 99.8... Pa, allowed is at least 25000 Pa",
    ),
    around(
        "pressure_high",
        fault="one file is in Pa",
        spoil=columns(["air"], times(100), ONE),
        reads="max of air in ...s01_02_sp.csv is 101... Pa, allowed is at most 130000 Pa",
    ),
    around(
        "sound",
        fault="one file holds counts of a converter",
        spoil=columns(["sound"], times(20), ONE),
        reads="abs_max of sound in ...s01_02_sp.csv is 120... dB, allowed is at most 200 dB",
    ),
    around(
        "gas",
        fault="missing values are written as -999",
        spoil=cells("gas", ROW == 50, "-999", ONE),
        reads="min of gas in ...s01_02_sp.csv is -999... ppm, allowed is at least -1 ppm",
    ),
    around(
        "gas_range",
        fault="one file is in parts per 10 billion",
        spoil=columns(["gas"], times(10_000), ONE),
        reads="max of gas in ...s01_02_sp.csv is 610... ppm, allowed is at most 1000000 ppm",
    ),
    around(
        "percent",
        fault="one file is in per mille",
        spoil=columns(["damp"], times(10), ONE),
        reads="abs_max of damp in ...s01_02_sp.csv is 550... %, allowed is at most 110 %",
    ),
    around(
        "speed",
        fault="one file is in mm/s",
        spoil=columns(["pace"], times(1000), ONE),
        reads="abs_max of pace in ...s01_02_sp.csv is 150... m/s, allowed is at most 340 m/s",
    ),
    # axes
    phones(
        "turns_agree",
        fault="all gyroscopes have two axes swapped",
        spoil=swapped("x_gyro", "y_gyro"),
        reads="turning_agreement of acc is -1.86..., allowed is at least 0.5",
    ),
    phones(
        "turns_axes",
        fault="an axis of all gyroscopes points the other way",
        spoil=columns(["x_gyro"], times(-1)),
        reads="turning_margin of acc is -1.39..., allowed is at least -0.1",
    ),
    phones(
        "turns_scale_stop",
        fault="half the range was assumed",
        spoil=columns(GYRO, times(0.5)),
        reads="turning_scale of acc is 1.93..., allowed is 0.7 to 1.4",
    ),
    phones(
        "turns_scale",
        fault="a scale is off by a fifth",
        spoil=columns(GYRO, times(0.8)),
        reads="turning_scale of acc is 1.20..., allowed is 0.88 to 1.12",
    ),
    around(
        "turns_axes_field",
        fault="all magnetometers have two axes swapped",
        spoil=swapped("x_mag", "y_mag"),
        reads="turning_margin of mag is -2.54..., allowed is at least -0.1",
    ),
    phones(
        "turns_of_file",
        fault="a file of two sessions has two axes swapped",
        spoil=_long_and_swapped,
        reads="turning_agreement of acc in ...s01_02_sp.csv is -1.33..., allowed is at least 0.5",
    ),
    watches(
        "pose",
        fault="a watch with two axes swapped in one file",
        spoil=swapped("x_acc", "z_acc", "s01_05_sw.csv"),
        reads="pose_angle of acc in ...s01_05_sw.csv is 96.9..., allowed is at most 75",
    ),
]

"""The rules by which ingest sets things aside, and real files spoilt so that each one applies."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.sources import rules
from tests.unit.rules.spoil import ROW, Case, cells, columns, data, edit, numbers, renamed

ONE = "s01_02_sp.csv"
phones, falls = (partial(Case, logs=logs) for logs in ("phones", "falls"))


def _other_table(folder: Path) -> None:
    with closing(sqlite3.connect(next(folder.rglob("s01_02_sp.db")))) as database:
        database.execute("ALTER TABLE readings RENAME TO reading")
        database.commit()


def _stand(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    table[99, 0] = table[98, 0]
    return table


def _line(number: int, text: bytes) -> Callable[[bytes], bytes]:
    """Puts a text in the place of a line, counted from 1."""

    def changed(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        return b"".join([*lines[: number - 1], text + b"\n", *lines[number:]])

    return changed


TABLE = "fall_timestamps.csv"
CASES = [
    phones(
        rules.BROKEN_LINE,
        fault="a line was cut in its middle",
        spoil=data(_line(101, b"-4.16,-1.18,"), ONE),
        reads="s01_02_sp.csv:101 acc 1: the line has 3 fields, not 8.",
    ),
    phones(
        rules.BAD_TIME,
        fault="a reading has no time",
        spoil=cells("timestamp", ROW == 99, "", ONE),
        reads="s01_02_sp.csv:101 acc 1: it has no time.",
    ),
    phones(
        rules.NOT_FINITE,
        fault="a sensor drops out for a reading",
        spoil=cells("y_acc", ROW == 99, "NaN", ONE),
        reads="s01_02_sp.csv:101 acc 1: channel y is NaN.",
    ),
    phones(
        rules.OUT_OF_RANGE,
        fault="a value of 64 bits",
        spoil=cells("y_acc", ROW == 99, "1e300", ONE),
        reads="s01_02_sp.csv:101 acc 1: channel y is 1e+300 m/s2, beyond 32 bits.",
    ),
    Case(
        rules.DUPLICATE_TIME,
        logs="angles",
        fault="a clock stands for a reading",
        spoil=numbers(_stand, "CSI_ori_2_1.txt"),
        reads="CSI_ori_2_1.txt:116 euler 1: its time 151342886000 ns is that of the last kept reading.",
    ),
    phones(
        rules.BACKWARD_TIME,
        fault="a clock falls back for a reading",
        spoil=columns(["timestamp"], lambda t: pl.when(ROW == 99).then(t - 700).otherwise(t), ONE),
        reads="s01_02_sp.csv:101 acc 1: its time 1657534171578000000 ns is before ",
    ),
    phones(
        rules.LEAP_TIME,
        fault="a clock leaps a day ahead for a reading",
        spoil=columns(["timestamp"], lambda t: pl.when(ROW == 99).then(t + 86_400_000).otherwise(t), ONE),
        reads="s01_02_sp.csv:101 acc 1: its time 1657620572278000000 ns leaps ahead: the readings behind it go on",
    ),
    falls(
        rules.NOT_DERIVABLE,
        fault="a quaternion of zeros",
        spoil=edit(
            lambda table: table.with_columns(
                pl.when(ROW == 99)
                .then(0.0)
                .otherwise(pl.col(f"orientation_{part}_list"))
                .alias(f"orientation_{part}_list")
                for part in "sijk"
            ),
            "U01_R01_orientation.csv",
        ),
        reads="U01_R01_orientation.csv gravity 1: from orientation: its quaternion is zero.",
    ),
    Case(
        rules.UNREADABLE,
        logs="gestures",
        fault="a file was cut in its middle",
        spoil=data(lambda content: content[: len(content) // 2], "a1_s1_t1_inertial.mat"),
        reads="Inertial/a1_s1_t1_inertial.mat: it is no MATLAB file, or damaged: it is cut off: 2643 bytes",
    ),
    phones(
        rules.EMPTY_FILE,
        fault="a file was cut to nothing",
        spoil=data(lambda _: b"", ONE),
        reads="s01_02_sp.csv: the file is empty.",
    ),
    Case(
        rules.MISSING_TABLE,
        logs="database",
        fault="a table has another name",
        spoil=_other_table,
        reads="s01_02_sp.db: the table 'readings' is missing. Did you mean 'reading'? Known: reading.",
    ),
    phones(
        rules.MISSING_COLUMN,
        fault="a column has another name",
        spoil=data(lambda content: content.replace(b"y_gyro", b"gyro_y", 1), ONE),
        reads="s01_02_sp.csv: gyro: the column 'y_gyro' is missing. Did you mean 'z_gyro'? ",
    ),
    phones(
        rules.MISSING_LABELS,
        fault="the labels' column has another name",
        spoil=data(lambda content: content.replace(b"label", b"activity", 1), ONE),
        reads="s01_02_sp.csv: readings are kept without labels: the column 'label' is missing. ",
    ),
    phones(
        rules.UNMATCHED_PATH,
        fault="a name that tells nobody",
        spoil=renamed(ONE, "copy of 2.csv"),
        reads="copy of 2.csv: the path does not fit ",
    ),
    Case(
        rules.SAME_RECORDING,
        logs="gestures",
        fault="two names that tell the same",
        spoil=renamed("a1_s1_t1_inertial.mat", "a1_s1_t1_inertial (1).mat", copy=True),
        reads="by its path it is the same recording and modality as 'Inertial/a1_s1_t1_inertial (1).mat'.",
    ),
    falls(
        rules.BAD_LABEL,
        fault="a moment that is none",
        spoil=data(lambda content: content.replace(b"4.7,7.7", b"4.7,7.7s", 1), TABLE),
        reads="fall_timestamps.csv:2: column 'end_time': '7.7s' is no time in s.",
    ),
    falls(
        rules.NO_RECORDING,
        fault="a trial that is not there",
        spoil=data(lambda content: content.replace(b"U01_R02", b"U01_R09", 1), TABLE),
        reads="fall_timestamps.csv:3: no recording has label F01, session 09, subject U01.",
    ),
    falls(
        rules.LABEL_UNFIT,
        fault="a fall after the trial's end",
        spoil=data(lambda content: content.replace(b"4.7,7.7", b"94.7,97.7", 1), TABLE),
        reads="U01_R01_accel.csv: this row of fall_timestamps.csv is not used: the recording lasts from 0 to 12.6",
    ),
]

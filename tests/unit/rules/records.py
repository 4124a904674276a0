"""Rules of ``expectations/records.json`` about files, time and readings, and real files spoilt to break each."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tests.unit.rules.spoil import (
    ACC,
    GYRO,
    ROW,
    Case,
    Spoil,
    cells,
    columns,
    data,
    edit,
    numbers,
    renamed,
    rows,
)

ONE = "s01_02_sp.csv"
ACC_RECORDS = "acc/*.parquet"
Table = npt.NDArray[np.float64]


def _record(change: pl.Expr) -> Spoil:
    """Changes what ingest left of the accelerometer."""

    def spoil(folder: Path) -> None:
        path = sorted(folder.glob(ACC_RECORDS))[0]
        pl.read_parquet(path).with_columns(change).write_parquet(path)

    return spoil


def _holes(every: int) -> Spoil:
    """Loses the last field of some lines."""

    def holed(text: bytes) -> bytes:
        lines = text.split(b"\n")
        return b"\n".join(line.rpartition(b",")[0] if row % every == 30 else line for row, line in enumerate(lines))

    return data(holed, "*.txt")


def _standing(every: int) -> Spoil:
    """Repeats some times."""

    def stood(table: Table) -> Table:
        table[every::every, 0] = table[every - 1 :: every, 0][: len(table[every::every])]
        return table

    return numbers(stood, "CSI_ori_2_1.txt")


phones = partial(Case, logs="phones")
CASES = [
    # files and rows
    phones(
        "readable",
        fault="two of four files are cut to nothing",
        spoil=data(lambda _: b"", "s01_0[12]_sp.csv"),
        reads="unreadable_share is 0.5, allowed is at most 0.2",
    ),
    phones(
        "readable_all",
        fault="one file is cut to nothing",
        spoil=data(lambda _: b"", ONE),
        reads="unreadable_share is 0.25, allowed is at most 0",
    ),
    phones(
        "files_whole",
        fault="a column is gone from one file",
        spoil=edit(lambda table: table.drop("y_gyro"), ONE),
        reads="remarks in ...s01_02_sp.csv is 1, allowed is at most 0",
    ),
    phones(
        "rows_present",
        fault="the gyroscope logged nothing",
        spoil=cells("x_gyro", pl.lit(True), None),
        reads="rows_kept of gyro is 0, allowed is at least 1",
    ),
    phones(
        "quarantine_stop",
        fault="every fourth line is broken",
        spoil=cells("x_acc", ROW % 4 == 1, "?"),
        reads="quarantine_share of acc is 0.296..., allowed is at most 0.2",
    ),
    phones(
        "quarantine_of_file",
        fault="every fifth line of one file is broken",
        spoil=cells("x_acc", ROW % 5 == 1, "?", ONE),
        reads="quarantine_share of acc in ...s01_02_sp.csv is 0.245..., allowed is at most 0.1",
    ),
    Case(
        "quarantine",
        logs="angles",
        fault="every fiftieth line is broken",
        spoil=_holes(50),
        reads="quarantine_share of euler is 0.0200..., allowed is at most 0.01",
    ),
    phones(
        "not_finite",
        fault="one file's sensor drops out",
        spoil=cells("z_gyro", ROW % 20 == 1, "nan", ONE),
        reads="not_finite_share of gyro in ...s01_02_sp.csv is 0.0507..., allowed is at most 0.01",
    ),
    phones(
        "complete",
        fault="a value in the records is lost",
        spoil=_record(pl.when(ROW == 5).then(None).otherwise("x").alias("x")),
        later=True,
        reads="nulls of acc in ...s01_01_sp.csv is 1, allowed is at most 0",
    ),
    phones(
        "copies",
        fault="a recording under a second name",
        spoil=renamed(ONE, "s09_02_sp.csv", copy=True),
        reads="copied_share of acc in ...s01_02_sp.csv is 1.0, allowed is at most 0.25",
    ),
    phones(
        "twins",
        fault="the gyroscope's columns hold acceleration",
        spoil=edit(
            lambda table: table.with_columns(
                (pl.col(acc) / 10).alias(gyro) for acc, gyro in zip(ACC, GYRO, strict=True)
            ),
            ONE,
        ),
        reads="twin_share of acc in ...s01_02_sp.csv is 1.0, allowed is at most 0.9",
    ),
    # time
    phones(
        "ordered",
        fault="the records are out of order",
        spoil=_record(pl.col("t_ns").reverse()),
        later=True,
        reads="unordered of acc in ...s01_01_sp.csv is 124..., allowed is at most 0",
    ),
    Case(
        "duplicates",
        logs="angles",
        fault="a clock stands now and then",
        spoil=_standing(100),
        reads="duplicate_share of euler in ...CSI_ori_2_1.txt is 0.00949..., allowed is at most 0.001",
    ),
    phones(
        "clock_back",
        fault="a clock runs back for a moment",
        spoil=columns(["timestamp"], lambda t: pl.when(ROW == 300).then(t - 700).otherwise(t), ONE),
        reads="backward_share of acc in ...s01_02_sp.csv is 0.000922..., allowed is at most 0",
    ),
    phones(
        "rate",
        fault="one file's clock runs twice as fast",
        spoil=columns(["timestamp"], lambda t: t // 2, ONE),
        reads="rate_ratio of acc in ...s01_02_sp.csv is 1.92..., allowed is 0.9 to 1.1",
    ),
    phones(
        "gaps",
        fault="a second is lost",
        spoil=rows((ROW < 500) | (ROW >= 600), ONE),
        reads="largest_gap_s of acc in ...s01_02_sp.csv is 0.985, allowed is at most 0.5",
    ),
    phones(
        "time_missing",
        fault="every third quarter of a second is lost",
        spoil=rows(ROW // 25 % 3 != 1, ONE),
        reads="gap_share of acc in ...s01_02_sp.csv is 0.339..., allowed is at most 0.2",
    ),
    # readings
    phones(
        "alive",
        fault="an axis is dead",
        spoil=columns(["z_acc"], lambda _: pl.lit(0.0)),
        reads="constant_channels of acc is 1, allowed is at most 0",
    ),
    phones(
        "alive_in_file",
        fault="an axis is dead in one file",
        spoil=columns(["z_acc"], lambda value: value.first(), ONE),
        reads="constant_channels of acc in ...s01_02_sp.csv is 1, allowed is at most 0",
    ),
    phones(
        "frozen",
        fault="an axis stands still for two seconds",
        spoil=columns(
            ["z_acc"], lambda value: pl.when(ROW.is_between(200, 400)).then(value.get(200)).otherwise(value), ONE
        ),
        reads="frozen_s of acc in ...s01_02_sp.csv is 1.95..., allowed is at most 1",
    ),
    phones(
        "clipped",
        fault="one file's range ends at 11 m/s2",
        spoil=columns(ACC, lambda value: value.clip(-11, 11), ONE),
        reads="clipped_share of acc in ...s01_02_sp.csv is 0.197..., allowed is at most 0.01",
    ),
    phones(
        "clipped_stop",
        fault="the range ends at 9 m/s2",
        spoil=columns(ACC, lambda value: value.clip(-9, 9)),
        reads="clipped_share of acc is 0.544..., allowed is at most 0.1",
    ),
    phones(
        "spikes",
        fault="a glitch in every 97th reading of one file",
        spoil=columns(["y_gyro"], lambda value: value + pl.when(ROW % 97 == 50).then(40).otherwise(0), ONE),
        reads="spike_share of gyro in ...s01_02_sp.csv is 0.0110..., allowed is at most 0.001",
    ),
    phones(
        "spikes_stop",
        fault="a glitch in every 61st reading",
        spoil=columns(["y_gyro"], lambda value: value + pl.when(ROW % 61 == 20).then(40).otherwise(0)),
        reads="spike_share of gyro is 0.0173..., allowed is at most 0.01",
    ),
]

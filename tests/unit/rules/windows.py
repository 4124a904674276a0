"""The rules of ``expectations/windows.json``, and real files spoilt so that each one breaks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from tests.unit.rules.spoil import ACC, ROW, Case, both, cells, columns, renamed, rows

phones = partial(Case, logs="phones")


def _gyro_records(folder: Path) -> None:
    """Loses a channel of every tenth reading of the gyroscope."""
    for path in sorted(folder.glob("gyro/*.parquet")):
        pl.read_parquet(path).with_columns(x=pl.when(ROW % 10 != 1).then("x")).write_parquet(path)


CASES = [
    phones(
        "window_finite",
        fault="readings leap over all that float32 holds",
        spoil=columns(["x_acc"], lambda value: pl.when(ROW < 500).then(3.4e38).otherwise(-3.4e38), "s01_02_sp.csv"),
        reads="not_finite of acc is 3, allowed is at most 0",
    ),
    phones(
        "window_modality",
        fault="the gyroscope logged its first reading alone",
        spoil=cells("x_gyro", ROW > 0, None),
        reads="windows of gyro is 0, allowed is at least 1",
    ),
    phones(
        "window_absent",
        fault="the gyroscope fails after a quarter",
        spoil=cells("x_gyro", ROW > 350, None),
        reads="absent_share of gyro is 0.809..., allowed is at most 0.5",
    ),
    phones(
        "window_unusable",
        fault="the records lost a channel of the gyroscope",
        spoil=_gyro_records,
        later=True,
        reads="unusable_share of gyro is 0.100..., allowed is at most 0.05",
    ),
    phones(
        "window_flat",
        fault="the accelerometer was off",
        spoil=columns(ACC, lambda value: value.first(), "s01_02_sp.csv"),
        reads="flat_share of acc is 0.238..., allowed is at most 0.05",
    ),
    phones(
        "window_repeated",
        fault="a recording under a second name",
        spoil=renamed("s01_02_sp.csv", "s09_02_sp.csv", copy=True),
        reads="repeated_share of acc is 0.192..., allowed is at most 0.01",
    ),
    phones(
        "window_refused",
        fault="every other second is lost",
        spoil=rows(ROW // 100 % 2 == 0, "s01_0[12]_sp.csv"),
        reads="refused_share is 0.523..., allowed is at most 0.2",
    ),
    phones(
        "window_recordings",
        fault="two files end after half a second",
        spoil=rows(ROW < 50, "s01_0[12]_sp.csv"),
        reads="recordings_refused_share is 0.5, allowed is at most 0.2",
    ),
    Case(
        "window_recordings_stop",
        logs="watches",
        fault="all files but one end after half a second",
        spoil=both(rows(ROW < 50, "s01_0[2-9]_sw.csv"), rows(ROW < 50, "s02_*_sw.csv")),
        reads="recordings_refused_share is 0.909..., allowed is at most 0.9",
    ),
    phones(
        "window_classes",
        fault="all was labelled as one",
        spoil=cells("label", pl.lit(True), "WALKING"),
        reads="classes is 1, allowed is at least 2",
    ),
]

"""A clock's policies, from the log to the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import aside, conserved, manifest, modality, rows_of, source_study, table, write_csv


def study_with(root: Path, **clock: Any) -> Study:
    stated = {"kind": "timestamp", "column": "t", "unit": "ms", **clock}
    return source_study(root, modalities={"acc": modality("a", "g", stated), "gyro": modality("g", "deg/s", stated)})


def rows(stamps: list[object], label: str = "walk") -> list[str]:
    return [f"{t},{number},0.5,1,10,-10,0,{label}" for number, t in enumerate(stamps)]


def test_a_clock_that_was_set_back_gives_recordings_of_their_own(tmp_path: Path) -> None:
    study = study_with(tmp_path, backward="split")
    before, after = [10_000 + 20 * n for n in range(50)], [9_500 + 20 * n for n in range(80)]
    write_csv(study, "p1_1.csv", [*rows(before), *rows(after, "run")])
    ingest(study, "s")
    recordings = table(study, "recordings").sort("start_ns")
    assert recordings.select("start_ns", "stop_ns").rows() == [
        (9_500_000_000, 11_080_000_001),
        (10_000_000_000, 10_980_000_001),
    ]
    labels = table(study, "labels").join(recordings.select("recording", first="start_ns"), on="recording")
    assert labels.sort("start_ns").select("start_ns", "stop_ns", "label", "first").rows() == [
        (9_500_000_000, 11_080_000_001, "run", 9_500_000_000),
        (10_000_000_000, 10_980_000_001, "walk", 10_000_000_000),
    ]
    for name in ("acc", "gyro"):
        kept = rows_of(study, name)
        assert kept.height == 130
        assert (kept.select(pl.col("t_ns").diff().over("recording").drop_nulls()) > 0).to_series().all()
    assert aside(study) == []
    assert conserved(study)


@pytest.mark.parametrize(
    ("clock", "lost"),
    [
        ({}, 3),
        ({"duplicates": "quarantine"}, 4),
        ({"duplicates": "spread"}, 2),
        ({"backward": "sort"}, 1),
        ({"bursts": "spread"}, 2),
        ({"kind": "spread"}, 0),
    ],
)
def test_every_policy_conserves_rows_and_names_what_it_sets_aside(
    tmp_path: Path, clock: dict[str, Any], lost: int
) -> None:
    """One stamp stands twice, one falls back and one leaps ahead, all by less than a pause."""
    study = study_with(tmp_path, **clock)
    stamps = [20 * n for n in range(100)]
    stamps[30], stamps[50], stamps[70] = stamps[29], stamps[50] - 505, stamps[70] + 805
    write_csv(study, "p1_1.csv", rows(stamps))
    ingest(study, "s")
    quarantine = table(study, "quarantine").filter(modality="acc")
    assert quarantine.height == lost
    assert conserved(study)
    for line, raw in quarantine.select("line", "raw").iter_rows():
        assert raw == rows(stamps)[line - 2].encode()
    assert rows_of(study, "acc")["t_ns"].diff().drop_nulls().min() > 0


def test_a_nominal_rate_is_stated_for_validation_to_compare(tmp_path: Path) -> None:
    study = study_with(tmp_path, nominal_hz=50)
    write_csv(study, "p1_1.csv", rows([25 * n for n in range(100)]))
    ingest(study, "s")
    assert manifest(study)["modalities"]["acc"]["rate_hz"] == 50


def test_moments_with_a_zone_are_read(tmp_path: Path) -> None:
    study = study_with(tmp_path, unit="iso8601")
    write_csv(study, "p1_1.csv", rows([f"2026-03-01T10:00:00.{20 * n:03d}+01:00" for n in range(40)]))
    ingest(study, "s")
    assert rows_of(study, "acc")["t_ns"].to_list() == [1772355600_000_000_000 + 20_000_000 * n for n in range(40)]

"""Ingest as a whole: files found, parts, labels, and what a second run costs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.config import BatchClock, TimestampClock
from mmbind.errors import InputError
from mmbind.simulation import write_demo_fleets
from mmbind.sources import ingest, logfile, recording
from mmbind.sources.clocks import reading_times, to_ns
from mmbind.sources.file_rows import FileRows
from mmbind.study import Study
from tests.support import ROOT, raw_archives
from tests.unit.sources.logs import (
    HEADER,
    aside,
    content,
    lines,
    manifest,
    modality,
    rows_of,
    source_study,
    table,
    write_csv,
)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were opened."""
    opened: list[str] = []
    original = recording.stream_file

    def counted(rows: FileRows, folder: Path, path: str, *arguments: Any) -> Iterator[logfile.Kept]:
        opened.append(path)
        return original(rows, folder, path, *arguments)

    monkeypatch.setattr(recording, "stream_file", counted)
    return opened


def fresh(study: Study) -> dict[str, bytes]:
    """What a run from nothing gives."""
    shutil.rmtree(study.records("s"))
    ingest(study, "s")
    return content(study)


def test_only_new_changed_and_removed_files_cost_and_bytes_are_those_of_a_whole_run(
    tmp_path: Path, read: list[str]
) -> None:
    study = source_study(tmp_path, shards=3)
    for subject in range(9):
        write_csv(study, f"p{subject}_1.csv", [*lines(40 + subject), "broken"])
    ingest(study, "s")
    before = content(study)
    assert len(read) == 9
    read.clear()
    assert ingest(study, "s").read == 0
    assert (read, content(study)) == ([], before)
    untouched = {path: (study.records("s") / path).stat().st_ino for path in before if "/" in path}
    write_csv(study, "p9_1.csv", lines(7))
    assert ingest(study, "s").read == 1
    assert read == ["p9_1.csv"]
    after = content(study)
    mine = f"{manifest(study)['files']['p9_1.csv']['shard']:05d}.parquet"
    for path, inode in untouched.items():
        assert ((study.records("s") / path).stat().st_ino == inode) == (not path.endswith(mine))
    read.clear()
    write_csv(study, "p1_1.csv", lines(90))
    (study.raw("s") / "p2_1.csv").unlink()
    summary = ingest(study, "s")
    assert (summary.read, summary.removed, read) == (1, ["p2_1.csv"], ["p1_1.csv"])
    assert "1 gone" in summary.lines()[0]
    changed = content(study)
    assert changed == fresh(study)
    assert "p2_1.csv" not in manifest(study)["files"]
    assert after != changed


def test_a_changed_configuration_reads_the_source_again(tmp_path: Path, read: list[str]) -> None:
    study = source_study(tmp_path)
    write_csv(study, "p1_1.csv", lines(4))
    ingest(study, "s")
    mods = {"acc": modality("a", "m/s2"), "gyro": modality("g", "deg/s")}
    ingest(source_study(tmp_path, modalities=mods), "s")
    assert read == ["p1_1.csv"] * 2
    assert rows_of(study, "acc")["x"].to_list() == [0, 1, 2, 3]


def test_a_killed_or_spoilt_earlier_run_does_no_harm(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    write_csv(study, "p1_1.csv", lines(4))
    ingest(study, "s")
    before = content(study)
    (study.records("s") / "manifest.json").write_text("{")
    (study.records("s").parent / ".s.tmp").mkdir()
    ingest(study, "s")
    assert content(study) == before
    assert [path.name for path in study.records("s").parent.iterdir()] == ["s"]


def test_a_column_that_is_gone_with_its_last_file_is_refused(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    good = write_csv(study, "p1_1.csv", lines(2))
    write_csv(study, "p2_1.csv", lines(2), header=HEADER.replace("gx", "rx"))
    ingest(study, "s")
    good.unlink()
    with pytest.raises(InputError, match="'gx' is missing"):
        ingest(study, "s")
    assert manifest(study)["files"].keys() == {"p1_1.csv", "p2_1.csv"}


def test_files_that_are_no_logs_are_passed_by_and_paths_that_fit_not_are_told(tmp_path: Path) -> None:
    study = source_study(tmp_path, files="**/*")
    write_csv(study, "p1_1.csv", lines(2))
    for name in (".gitignore", "p2_1.csv.part", "p2_1.csv.tmp", "p2_1.csv.dvc", ".trash/p3_1.csv"):
        write_csv(study, name, lines(2))
    write_csv(study, "readme.csv", ["x"])
    ingest(study, "s")
    assert aside(study) == [("readme.csv", None, None, "unmatched_path")]
    assert sorted(manifest(study)["files"]) == ["p1_1.csv", "readme.csv"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"files": "*.tsv"}, r"No file in .* fits '\*\.tsv' \(sources\.s\.files\).*p1_1\.csv"),
        ({"files": "/abs/*.csv"}, r"cannot be used to find files"),
        ({"identity": {"pattern": r"^(?P<subject>\d+)$"}}, r"No file of 's' fits the pattern"),
    ],
)
def test_globs_and_patterns_that_fit_nothing_are_refused(
    tmp_path: Path, source: dict[str, object], message: str
) -> None:
    study = source_study(tmp_path, **source)
    write_csv(study, "p1_1.csv", lines(2))
    with pytest.raises(InputError, match=message):
        ingest(study, "s")


def test_a_source_without_raw_files_or_unknown_is_refused(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    with pytest.raises(InputError, match="The folder is empty"):
        ingest(study, "s")
    study.raw("s").rmdir()
    with pytest.raises(InputError, match="is missing: the source 's' has no raw files"):
        ingest(study, "s")
    with pytest.raises(InputError, match="Unknown source 'S'"):
        ingest(study, "S")


def test_a_pause_of_all_modalities_splits_a_recording_and_its_labels(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    rows = [*lines(10), *(row.replace("walk", "run") for row in lines(50, 10)), *lines(10, 200)]
    rows[20:30] = [row.replace(",1,", ",nan,") for row in rows[20:30]]
    write_csv(study, "p1_1.csv", rows)
    ingest(study, "s")
    recordings = table(study, "recordings").sort("start_ns")
    assert recordings.select("start_ns", "stop_ns").rows() == [(0, 1_180_000_001), (4_000_000_000, 4_180_000_001)]
    labels = table(study, "labels").join(recordings.select("recording", first="start_ns"), on="recording")
    assert labels.sort("start_ns").select("start_ns", "stop_ns", "label", "first").rows() == [
        (0, 200_000_000, "walk", 0),
        (200_000_000, 1_180_000_001, "run", 0),
        (4_000_000_000, 4_180_000_001, "walk", 4_000_000_000),
    ]
    assert rows_of(study, "acc").height == 60


def test_labels_are_mapped_and_some_mean_none(tmp_path: Path) -> None:
    labels = {"column": "label", "map": {"W": "walk", "R": "run"}, "unlabelled": ["", "?"]}
    study = source_study(tmp_path, labels=labels)
    names = ["W", "W", "walk", "?", "", "R", "hop"]
    rows = [row.replace("walk", name) for row, name in zip(lines(7), names, strict=True)]
    write_csv(study, "p1_1.csv", rows)
    ingest(study, "s")
    assert table(study, "labels").select("start_ns", "stop_ns", "label").rows() == [
        (0, 60_000_000, "walk"),
        (100_000_000, 120_000_000, "run"),
        (120_000_000, 120_000_001, "hop"),
    ]


@given(
    st.integers(1, 10**9),
    st.sampled_from(["first", "last"]),
    st.sampled_from([25.0, 50.0, 31.25, 104.0, 1000 / 3]),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
@settings(deadline=None, max_examples=40)
def test_readings_of_a_batch_lie_one_interval_apart(t: int, stamps: str, rate: float, sizes: list[int]) -> None:
    clock = BatchClock(kind="batch", column="t", unit="us", rate_hz=rate, stamps=stamps)
    frame = pl.DataFrame(
        {
            "time": np.repeat([str(t + i * 10**6) for i in range(len(sizes))], sizes),
            "place": np.concatenate([np.arange(size) for size in sizes]),
            "size": np.repeat(sizes, sizes),
        }
    )
    times = reading_times(frame, clock).to_numpy()
    start = 0
    for number, size in enumerate(sizes):
        piece = times[start : start + size]
        start += size
        assert piece[0 if stamps == "first" else -1] == (t + number * 10**6) * 1000
        np.testing.assert_allclose(np.diff(piece), 1e9 / rate, atol=1)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("1772438400123456789", "ns", 1772438400123456789),
        (" 12 ", "ms", 12_000_000),
        ("-0.5", "s", -500_000_000),
        ("1e3", "us", 1_000_000),
        ("9223372036854775807", "s", None),
        ("1e300", "s", None),
        ("nan", "s", None),
        ("", "s", None),
        ("12:30", "s", None),
    ],
)
def test_times_as_text(text: str, unit: str, expected: int | None) -> None:
    assert to_ns(pl.Series([text]), unit).to_list() == [expected]


def test_a_time_that_is_no_number_is_no_time() -> None:
    clock = TimestampClock(kind="timestamp", column="t", unit="s")
    assert reading_times(pl.DataFrame({"time": [True, False]}), clock).to_list() == [None, None]


def test_the_demo_fleets_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    study = Study.load(tmp_path)
    counts = dict.fromkeys(study.params.sources, 1)
    fleets = write_demo_fleets(tmp_path / "data" / "raw", people=counts, minutes=dict.fromkeys(counts, 2.0)).fleets
    for fleet in fleets:
        ingest(study, fleet.source)
        found = pl.read_parquet(study.records(fleet.source) / "quarantine.parquet")
        kept = pl.read_parquet(study.records(fleet.source) / "acc" / "*.parquet")
        lost = found.filter(pl.col("modality") == "acc").height
        assert found["line"].null_count() == 0
        assert abs(kept.height + lost - fleet.readings) <= 50
        assert lost < 60
        gravity = kept.select((pl.col("x") ** 2 + pl.col("y") ** 2 + pl.col("z") ** 2).sqrt().median()).item()
        assert 8 < gravity < 12


@pytest.mark.real
def test_utd_is_read_by_configuration_alone(tmp_path: Path) -> None:
    from mmbind.sources import fetch_archives

    (tmp_path / "params.yaml").write_text((ROOT / "studies" / "utd_mhad" / "params.yaml").read_text())
    study = Study.load(tmp_path)
    fetch_archives(study, raw_archives())
    summary = ingest(study, "utd_mhad")
    assert (summary.files, summary.recordings, summary.quarantined) == (1722, 861, 0)
    records = study.records("utd_mhad")
    recordings, labels = pl.read_parquet(records / "recordings.parquet"), pl.read_parquet(records / "labels.parquet")
    assert recordings["subject"].n_unique() == 8
    assert labels["label"].n_unique() == 27
    assert labels["recording"].sort().equals(recordings["recording"].sort())
    for name, width, rate in (("acc", 3, 50), ("gyro", 3, 50), ("skeleton", 60, 30)):
        rows = pl.read_parquet(records / name / "*.parquet")
        assert rows["recording"].n_unique() == 861
        assert len(rows.columns) == width + 2
        step = rows.select(pl.col("t_ns").diff().over("recording")).to_series().drop_nulls()
        assert abs(step.mean() * rate / 1e9 - 1) < 1e-6
    acc = pl.read_parquet(records / "acc" / "*.parquet")
    length = acc.select((pl.col("x") ** 2 + pl.col("y") ** 2 + pl.col("z") ** 2).sqrt().median()).item()
    assert 9 < length < 11
    assert ingest(study, "utd_mhad").read == 0

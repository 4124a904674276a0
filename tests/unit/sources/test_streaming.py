"""Recordings of any length: what is read piece by piece is what a whole reading would give."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.config import Labels
from mmbind.sources import ingest, logfile, recording, shards
from mmbind.sources.labels import LabelRuns, common_name
from mmbind.sources.parts import Parts, Timeline
from mmbind.sources.readers import lines as text
from tests.unit.sources.logs import (
    HEADER,
    aside,
    conserved,
    content,
    lines,
    modality,
    rows_of,
    source_study,
    table,
    write_csv,
)

GAP = 3
#: Steps between readings; 4 and more are pauses.
STEPS = st.lists(st.sampled_from([1, 1, 1, 2, 3, 4, 9]), min_size=1, max_size=12)


def expected(times: list[np.ndarray]) -> tuple[list[int], list[int]]:
    """Starts and stops of parts, from all times put together."""
    merged = np.unique(np.concatenate(times))
    last = np.flatnonzero(np.diff(merged) > GAP)
    return merged[np.append(0, last + 1)].tolist(), (merged[np.append(last, len(merged) - 1)] + 1).tolist()


def cut(times: list[np.ndarray], cuts: list[int]) -> list[list[np.ndarray]]:
    """Times in pieces, each behind those before."""
    edges = [-1, *sorted(cuts), 10**6]
    pieces = [[t[(t > low) & (t <= high)] for t in times] for low, high in pairwise(edges)]
    return [piece for piece in pieces if any(len(each) for each in piece)]


@given(st.lists(STEPS, min_size=1, max_size=3), st.lists(st.integers(0, 60), max_size=4))
def test_parts_do_not_depend_on_how_readings_come_in(steps: list[list[int]], cuts: list[int]) -> None:
    times = [np.cumsum(each) for each in steps]
    timeline = Timeline(GAP / 1e9)
    numbers: dict[int, int] = {}
    for piece in cut(times, cuts):
        parts = timeline.add([each for each in piece if len(each)])
        for each in piece:
            numbers |= dict(zip(each.tolist(), parts.of(each).tolist(), strict=True))
    starts, stops = expected(times)
    assert (timeline.parts.starts.tolist(), timeline.parts.stops.tolist()) == (starts, stops)
    assert numbers == {t: int(np.searchsorted(starts, t, side="right")) - 1 for t in numbers}


def test_a_clock_that_is_set_back_starts_a_part() -> None:
    timeline = Timeline(GAP / 1e9)
    timeline.add([np.array([10, 11])])
    timeline.set_back()
    assert timeline.add([np.array([5, 6, 20])]).of(np.array([5, 20])).tolist() == [1, 2]
    assert timeline.parts.starts.tolist() == [10, 5, 20]


NAMES = st.sampled_from(["walk", "W", "run", "", None])


@given(
    st.lists(st.tuples(STEPS, st.lists(NAMES, min_size=12, max_size=12)), min_size=1, max_size=3),
    st.lists(st.integers(0, 60), max_size=4),
)
@settings(deadline=None)
def test_labels_do_not_depend_on_how_readings_come_in(
    logged: list[tuple[list[int], list[str | None]]], cuts: list[int]
) -> None:
    labels = Labels(map={"W": "walk"})
    times = [np.cumsum(steps) for steps, _ in logged]
    at = [dict(zip(t.tolist(), names, strict=False)) for t, (_, names) in zip(times, logged, strict=True)]
    timeline, runs = Timeline(GAP / 1e9), LabelRuns(labels)
    for piece in cut(times, cuts):
        kept = [(number, t) for number, t in enumerate(piece) if len(t)]
        parts = timeline.add([t for _, t in kept])
        frames = [
            pl.DataFrame({"t_ns": t, "label": pl.Series([at[n][i] for i in t.tolist()], dtype=pl.String)})
            for n, t in kept
        ]
        runs.add(frames, parts)
    assert runs.intervals(timeline.parts).rows() == told(at, labels, timeline.parts)


def told(at: list[dict[int, str | None]], labels: Labels, parts: Parts) -> list[tuple[int, int, int, str]]:
    """Intervals, reading by reading."""
    found: list[list[object]] = []
    for t in sorted({t for each in at for t in each}):
        said = [each[t] for each in at if t in each]
        first = min((name for name in said if name is not None), default=None)
        part, label = int(parts.of(np.array([t]))[0]), common_name(first, labels)
        if found and found[-1][0] == part:
            if found[-1][3] == label:
                continue
            found[-1][2] = t
        found.append([part, t, int(parts.stops[part]), label])
    return [tuple(each) for each in found if each[3] is not None]  # type: ignore[misc]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few lines, readings given out by the dozen."""
    monkeypatch.setattr(text.line_blocks, "__defaults__", (200,))
    monkeypatch.setattr(recording.RecordingReading.__init__, "__kwdefaults__", {"known": None, "hold": 12})


def spoilt(count: int) -> list[str]:
    """Lines of which some are bad for one modality, some for both, with pauses and changing labels."""
    rows = [*lines(count), *lines(count, 2 * count)]
    for number in range(0, len(rows), 7):
        rows[number] = rows[number].replace(",10,", ",nan,").replace("walk", "run")
    for number in range(3, len(rows), 11):
        rows[number] = "broken"
    rows.insert(20, rows[19])
    return rows


def test_small_pieces_give_the_bytes_of_whole_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = []
    for name in ("whole", "pieces"):
        study = source_study(tmp_path / name, shards=2)
        for subject in range(4):
            write_csv(study, f"p{subject}_1.csv", spoilt(150 + subject))
        studies.append(study)
    ingest(studies[0], "s")
    monkeypatch.setattr(text.line_blocks, "__defaults__", (200,))
    monkeypatch.setattr(recording.RecordingReading.__init__, "__kwdefaults__", {"known": None, "hold": 12})
    monkeypatch.setattr(logfile, "LONG", 0)
    ingest(studies[1], "s")
    assert content(studies[0]) == content(studies[1])
    assert conserved(studies[1])
    assert table(studies[1], "recordings").height == 8


def test_joined_files_are_read_side_by_side(tmp_path: Path, small_pieces: None) -> None:
    mods = {"acc": modality("a", "g"), "gyro": modality("g", "deg/s")}
    study = source_study(
        tmp_path,
        join={"acc": "*_acc.csv", "gyro": "*_gyro.csv"},
        identity={"pattern": r"(?P<subject>\w+)_(?P<session>\d+)_\w+\.csv$"},
        modalities=mods,
        labels={},
    )
    write_csv(study, "p1_1_acc.csv", [*lines(100), *lines(100, 300)])
    write_csv(study, "p1_1_gyro.csv", [*lines(120), *lines(50, 330)])
    held = []
    give = recording.RecordingReading._give

    def counted(self: recording.RecordingReading, until: tuple[int, int]) -> object:
        held.append(sum(frame.height for frames in self._held.values() for frame in frames))
        return give(self, until)

    recording.RecordingReading._give = counted  # type: ignore[method-assign,assignment]
    try:
        ingest(study, "s")
    finally:
        recording.RecordingReading._give = give  # type: ignore[method-assign]
    assert max(held) < 60
    assert table(study, "recordings").select("start_ns", "stop_ns").sort("start_ns").rows() == [
        (0, 119 * 20_000_000 + 1),
        (300 * 20_000_000, 399 * 20_000_000 + 1),
    ]
    assert (rows_of(study, "acc").height, rows_of(study, "gyro").height) == (200, 170)


def test_a_file_that_fails_late_leaves_nothing_and_the_shard_is_written_anew(
    tmp_path: Path, small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = source_study(tmp_path, files="*.csv*", shards=1, identity={"pattern": r"(?P<subject>\w+)_(?P<session>\d+)"})
    for subject in range(3):
        write_csv(study, f"p{subject}_1.csv", spoilt(60))
    ingest(study, "s")
    good = rows_of(study, "acc")
    packed = bytearray(gzip.compress("\n".join([HEADER, *lines(20000)]).encode(), mtime=0))
    packed[-6] ^= 1
    withdrawn: list[str] = []
    begin = recording.WithdrawnError.__init__

    def noted(self: recording.WithdrawnError, path: str, rows: Any) -> None:
        withdrawn.append(path)
        begin(self, path, rows)

    monkeypatch.setattr(recording.WithdrawnError, "__init__", noted)
    (study.raw("s") / "p0_2.csv.gz").write_bytes(bytes(packed))
    ingest(study, "s")
    assert withdrawn == ["p0_2.csv.gz"]
    assert rows_of(study, "acc").equals(good)
    assert table(study, "quarantine").filter(pl.col("rule") == "unreadable").height == 1
    assert conserved(study)


def test_row_groups_are_the_same_from_files_and_from_an_earlier_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "GROUP", 64)
    study = source_study(tmp_path, shards=1)
    for subject in range(5):
        write_csv(study, f"p{subject}_1.csv", spoilt(50 + subject))
    ingest(study, "s")
    whole = content(study)
    sizes = pq.read_metadata(study.records("s") / "acc" / "00000.parquet")
    assert [sizes.row_group(n).num_rows for n in range(sizes.num_row_groups - 1)] == [64] * (sizes.num_row_groups - 1)
    gone = study.raw("s") / "p2_1.csv"
    kept = gone.read_bytes()
    gone.unlink()
    ingest(study, "s")
    assert content(study) != whole
    gone.write_bytes(kept)
    assert ingest(study, "s").read == 1
    assert content(study) == whole


@pytest.mark.parametrize(
    ("odd", "time"),
    [("600.5", 600.5), ("6e2", 600), ('"600"', 600), (" 601 ", 601), ("+602", 602), ("", None), ("x", None)],
)
def test_one_odd_time_changes_no_other(tmp_path: Path, small_pieces: None, odd: str, time: float | None) -> None:
    rows = lines(60)
    rows[30] = rows[30].replace("600", odd, 1)
    study = source_study(tmp_path)
    write_csv(study, "p1_1.csv", rows)
    ingest(study, "s")
    times = [20.0 * i for i in range(60)]
    times[30:31] = [] if time is None else [time]
    assert (rows_of(study, "acc")["t_ns"] / 1e6).to_list() == times
    assert aside(study) == [("p1_1.csv", 32, name, "bad_time") for name in ("acc", "gyro") if time is None]

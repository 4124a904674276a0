"""Measures and conservation against plain numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.files import write_parquet
from mmbind.validation.conservation import check_conservation
from mmbind.validation.measure import measure
from tests.unit.validation.records import worn

FEW = settings(deadline=None, max_examples=15)
STEPS_MS = st.lists(st.integers(1, 900), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def write(folder: Path, times: dict[str, np.ndarray], values: dict[str, np.ndarray], shards: int = 1) -> None:
    """Writes recordings of one modality, dealt to shards in turn."""
    for old in folder.glob("acc/*.parquet"):
        old.unlink()
    parts: dict[int, list[pl.DataFrame]] = {}
    for i, name in enumerate(sorted(times)):
        channels = {axis: values[name][:, j].astype(np.float32) for j, axis in enumerate("xyz")}
        frame = pl.DataFrame({"recording": [name] * len(times[name]), "t_ns": times[name], **channels})
        parts.setdefault(i % shards, []).append(frame)
    for shard, frames in parts.items():
        write_parquet(folder / "acc" / f"{shard:05d}.parquet", pl.concat(frames))


@FEW
@given(steps=st.lists(STEPS_MS, min_size=1, max_size=4), shards=st.integers(1, 3), seed=st.integers(0, 9))
def test_figures_are_those_of_numpy_whatever_the_shards(
    folder: Path, steps: list[list[int]], shards: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    times = {f"r{i}": np.cumsum([0, *ms]) * 1_000_000 for i, ms in enumerate(steps)}
    values = {name: draw.normal(0, 5, (len(t), 3)).astype(np.float32) for name, t in times.items()}
    write(folder, times, values, shards)
    files = pl.DataFrame({"recording": list(times), "file": list(times)})
    measured = {row["file"]: row for row in measure(folder, "acc", files).iter_rows(named=True)}
    assert sorted(measured) == sorted(times)
    for name, t in times.items():
        row, length = measured[name], np.linalg.norm(values[name].astype(np.float64), axis=1)
        assert (row["kept"], row["nulls"], row["unordered"]) == (len(t), 0, 0)
        assert row["largest_step_ns"] == np.diff(t).max()
        assert row["duration_ns"] == t[-1]
        assert row["typical_magnitude"] == pytest.approx(np.median(length))
        assert row["max:y"] == values[name][:, 1].max()


def test_time_between_the_parts_of_a_file_is_no_gap(folder: Path) -> None:
    times = {"part0": np.arange(5) * 20_000_000, "part1": 10**12 + np.arange(5) * 20_000_000}
    write(folder, times, {name: np.ones((5, 3)) for name in times})
    files = pl.DataFrame({"recording": list(times), "file": ["a.csv", "a.csv"]})
    row = measure(folder, "acc", files).row(0, named=True)
    assert (row["kept"], row["steps"], row["largest_step_ns"]) == (10, 8, 20_000_000)


def test_rest_is_found_inside_motion(folder: Path) -> None:
    acc = worn(3)["acc"]
    acc[:450] += np.random.default_rng(0).normal(6, 4, (450, 3))
    write(folder, {"r": np.arange(len(acc)) * 20_000_000}, {"r": acc})
    row = measure(folder, "acc", pl.DataFrame({"recording": ["r"], "file": ["a.csv"]})).row(0, named=True)
    assert row["rest_magnitude"] == pytest.approx(9.81, abs=0.05)
    assert row["rest_spread"] < 0.5


def test_a_modality_without_records_measures_nothing(folder: Path) -> None:
    assert measure(folder, "nothing", pl.DataFrame({"recording": ["r"], "file": ["f"]})).is_empty()


def counts(rows: list[tuple[str, int, int]], kept_off: int = 0, set_aside_off: int = 0) -> list[str]:
    """What conservation says of files with (name, kept, quarantined) and miscounted Parquet files."""
    file, keep, lose = zip(*rows, strict=True)
    stated = pl.DataFrame(
        {
            "file": file,
            "modality": "acc",
            "read": [k + q for k, q in zip(keep, lose, strict=True)],
            "kept": keep,
            "quarantined": lose,
        }
    )
    kept = stated.select("file", "modality", pl.col("kept") + kept_off).filter(pl.col("kept") > 0)
    quarantined = stated.select("file", "modality", pl.col("quarantined") + set_aside_off)
    result = check_conservation(stated, kept, quarantined.filter(pl.col("quarantined") > 0))
    assert result.holds == (not result.breaks)
    return list(result.breaks)


@FEW
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=6), st.integers(1, 3))
def test_rows_are_conserved_exactly_when_all_counts_agree(rows: list[tuple[int, int]], off: int) -> None:
    files = [(f"{i}.csv", *row) for i, row in enumerate(rows)]
    assert counts(files) == []
    assert len(counts(files, kept_off=off)) == len(files)
    assert len(counts(files, set_aside_off=off)) == len(files)


def test_readings_of_an_unknown_recording_are_told() -> None:
    stated = pl.DataFrame({"file": ["a"], "modality": ["acc"], "read": [2], "kept": [2], "quarantined": [0]})
    kept = pl.DataFrame({"file": ["a", None, None], "modality": ["acc"] * 3, "kept": [2, 3, 4]})
    none = pl.DataFrame(schema={"file": pl.String, "modality": pl.String, "quarantined": pl.Int64})
    result = check_conservation(stated, kept, none)
    assert result.breaks == ["an unknown recording, acc: the manifest states 0 kept rows, the files hold 7"]

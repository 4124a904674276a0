"""JSON lines and Parquet: the same meaning from other files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.errors import InputError
from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import aside, conserved, manifest, modality, rows_of, source_study, table

BATCH = {"kind": "batch", "column": "t", "unit": "ns", "rate_hz": 50, "stamps": "last"}


def json_study(root: Path, clock: dict[str, Any] | None = None, **source: Any) -> Study:
    """A source of batches (or readings) with nested fields."""
    acc = modality("acc.", "m/s2", clock or BATCH)
    mag = modality("mag.", "gauss", clock or BATCH)
    layout = "batch" if clock is None else "reading"
    fields = {
        "files": "*.jsonl",
        "reader": {"format": "jsonl", "layout": layout},
        "modalities": {"acc": acc, "mag": mag},
        "labels": {"column": "what"},
    }
    return source_study(root, **{**fields, **source})


def batch(t: int, count: int = 3, **fields: Any) -> dict[str, Any]:
    """A batch of so many readings."""
    axes = {axis: [float(i) for i in range(count)] for axis in "xyz"}
    return {"t": t, "acc": axes, "mag": axes, "what": "walk", **fields}


def write_jsonl(study: Study, name: str, rows: list[Any]) -> None:
    """Writes values, or texts as they are."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (study.raw("s") / name).write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("stamps", "times"),
    [("last", [960, 980, 1000, 1020, 1040, 1060]), ("first", [1000, 1020, 1040, 1060, 1080, 1100])],
)
def test_a_batch_is_stamped_with_its_first_or_last_reading(tmp_path: Path, stamps: str, times: list[int]) -> None:
    clock = {**BATCH, "stamps": stamps}
    mods = {"acc": modality("acc.", "m/s2", clock), "mag": modality("mag.", "gauss", clock)}
    study = json_study(tmp_path, modalities=mods)
    epoch = 1_772_438_400_000_000_001
    write_jsonl(study, "p1_1.jsonl", [batch(epoch + 1_000_000_000), batch(epoch + 1_060_000_000, what="run")])
    ingest(study, "s")
    rows = rows_of(study, "acc")
    assert (rows["t_ns"] - epoch).to_list() == [ms * 1_000_000 for ms in times]
    assert rows_of(study, "mag")["x"].to_list() == [0, 100, 200, 0, 100, 200]
    assert (table(study, "labels")["start_ns"] - epoch).to_list() == [times[0] * 1_000_000, times[3] * 1_000_000]
    stated = manifest(study)["modalities"]["mag"]
    assert (stated["channels"], stated["unit"], stated["rate_hz"]) == (["x", "y", "z"], "uT", 50)


def test_bad_batches_and_readings_are_set_aside(tmp_path: Path) -> None:
    second = 1_000_000_000
    rows: list[Any] = [
        batch(second),
        json.dumps(batch(2 * second))[:40],
        batch(3 * second, acc={"x": [1.0, 2.0], "y": [1.0], "z": [1.0, 2.0]}),
        batch(4 * second, acc={"x": [1.0, "2", 3.0], "y": [1.0] * 3, "z": [1.0] * 3}),
        batch(5 * second, acc={"x": [1.0, True, 3.0], "y": [1.0] * 3, "z": [1.0] * 3}),
        batch(6 * second, acc={"x": [1.0, None, 3.0], "y": [1.0] * 3, "z": [1.0, 2.0, float("nan")]}),
        "[1, 2]",
        {"battery": 3},
        {"t": 7 * second, "mag": batch(0)["mag"]},
        batch(7 * second),
        "",
        {**batch(8 * second), "t": "soon"},
    ]
    study = json_study(tmp_path, max_gap_s=10)
    write_jsonl(study, "p1_1.jsonl", rows)
    ingest(study, "s")
    found = table(study, "quarantine").select("line", "modality", "rule").rows()
    both = ("acc", "mag")
    assert found == [
        *((2, name, "broken_line") for name in both),
        *((line, "acc", "broken_line") for line in (3, 4, 5)),
        *((6, "acc", "not_finite") for _ in range(2)),
        *((line, name, "broken_line") for line in (7, 8) for name in both),
        *((10, "mag", rule) for rule in ("backward_time", "backward_time", "duplicate_time")),
        *((12, name, "bad_time") for name in both for _ in range(3)),
    ]
    assert table(study, "quarantine")["raw"][0] == rows[1].encode()
    assert conserved(study)


def test_readings_one_per_line_may_come_by_modality(tmp_path: Path) -> None:
    clock = {"kind": "timestamp", "column": "t", "unit": "s"}
    study = json_study(tmp_path, clock)
    write_jsonl(
        study,
        "p1_1.jsonl",
        [
            {"t": 1.5, "acc": {"x": 1, "y": 2.5, "z": 3}, "what": "walk"},
            {"t": 1.5, "mag": {"x": 1, "y": 2.5, "z": 3}, "what": "walk"},
            {"t": "1.75", "acc": {"x": 1, "y": 2.5, "z": 10**400}, "what": None},
            {"t": 2, "acc": {"x": 1, "y": 2.5, "z": 3}},
        ],
    )
    ingest(study, "s")
    assert rows_of(study, "acc")["t_ns"].to_list() == [1_500_000_000, 2_000_000_000]
    assert rows_of(study, "mag").height == 1
    assert aside(study) == [("p1_1.jsonl", 3, "acc", "not_finite")]
    assert table(study, "labels").select("start_ns", "stop_ns", "label").rows() == [
        (1_500_000_000, 2_000_000_000, "walk")
    ]


def test_a_field_that_no_line_has_is_refused_with_the_nearest(tmp_path: Path) -> None:
    study = json_study(tmp_path)
    write_jsonl(study, "p1_1.jsonl", [{"t": 1, "acc": {"x": [1], "y": [2], "Z": [3]}, "mag": batch(1)["mag"]}])
    with pytest.raises(InputError, match=r"'acc\.z' is missing\. Did you mean 'acc\.[xyZ]'"):
        ingest(study, "s")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["t", "acc", "x", "y", "z"]), inner),
    max_leaves=6,
)
AXES = st.lists(st.none() | st.floats() | st.integers(-9, 9), min_size=2, max_size=2) | JSON
RECORDS = JSON | st.fixed_dictionaries(
    {"t": st.integers(0, 9) | JSON, "acc": st.fixed_dictionaries(dict.fromkeys("xyz", AXES)), "what": JSON}
)


@given(st.lists(RECORDS.map(json.dumps) | st.text(max_size=9).filter(lambda text: "\n" not in text), max_size=12))
@settings(deadline=None, max_examples=40)
def test_whatever_json_holds_every_reading_is_kept_or_quarantined(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str]
) -> None:
    study = json_study(tmp_path_factory.mktemp("study"))
    good = [json.dumps(batch(10)), *(row.replace("\r", "") for row in rows)]
    (study.raw("s") / "p1_1.jsonl").write_bytes("\n".join(good).encode(errors="surrogatepass"))
    ingest(study, "s")
    assert conserved(study)
    assert manifest(study)["files"]["p1_1.jsonl"]["modalities"]["acc"]["kept"] >= 3


def parquet_study(root: Path, unit: str = "us") -> Study:
    """A source of wide Parquet files."""
    clock = {"kind": "timestamp", "column": "t", "unit": unit}
    mods = {"acc": modality("a", "m/s2", clock), "gyro": modality("g", "rad/s", clock)}
    return source_study(root, files="*.parquet", reader={"format": "parquet"}, modalities=mods)


def wide(count: int) -> pl.DataFrame:
    """A wide table of readings at 100 Hz."""
    axes = {f"{kind}{axis}": np.arange(count, dtype=np.float32) for kind in "ag" for axis in "xyz"}
    return pl.DataFrame({"t": np.arange(count) * 10_000, **axes, "label": ["walk"] * count})


def test_parquet_rows_are_kept_or_set_aside_by_row(tmp_path: Path) -> None:
    study = parquet_study(tmp_path)
    frame = wide(6).with_columns(
        t=pl.Series([0, 10_000, 10_000, 30_000, None, 50_000]), ax=pl.Series([0.0, None, 2, 3, 4, float("nan")])
    )
    frame.write_parquet(study.raw("s") / "p1_1.parquet")
    ingest(study, "s")
    assert rows_of(study, "acc")["t_ns"].to_list() == [0, 10_000_000, 30_000_000]
    assert aside(study) == [
        ("p1_1.parquet", 2, "acc", "not_finite"),
        ("p1_1.parquet", 3, "gyro", "duplicate_time"),
        ("p1_1.parquet", 5, "acc", "bad_time"),
        ("p1_1.parquet", 5, "gyro", "bad_time"),
        ("p1_1.parquet", 6, "acc", "not_finite"),
    ]
    assert json.loads(table(study, "quarantine")["raw"][0])["ax"] is None
    assert conserved(study)


def test_parquet_texts_are_parsed_and_moments_know_their_unit(tmp_path: Path) -> None:
    study = parquet_study(tmp_path)
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    moments = [start + timedelta(microseconds=10_000 * i) for i in range(3)]
    frame = wide(3).with_columns(t=pl.Series(moments), ax=pl.Series(["1.5", "x", "2"]))
    frame.write_parquet(study.raw("s") / "p1_1.parquet")
    ingest(study, "s")
    epoch = int(start.timestamp()) * 10**9
    assert rows_of(study, "acc").select(pl.col("t_ns") - epoch, "x").rows() == [(0, 1.5), (20_000_000, 2.0)]
    assert aside(study) == [("p1_1.parquet", 2, "acc", "broken_line")]


def test_a_damaged_parquet_file_is_set_aside_whole(tmp_path: Path) -> None:
    study = parquet_study(tmp_path)
    for subject in ("p1", "p2", "p3"):
        wide(500).write_parquet(study.raw("s") / f"{subject}_1.parquet")
    damaged = study.raw("s") / "p2_1.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    inside = study.raw("s") / "p3_1.parquet"
    inside.write_bytes(inside.read_bytes()[:4] + b"\xff" * 600 + inside.read_bytes()[604:])
    ingest(study, "s")
    assert aside(study) == [(f"p{n}_1.parquet", None, None, "unreadable") for n in (2, 3)]
    assert rows_of(study, "acc").height == 500

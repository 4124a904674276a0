"""Derived modalities in a source's records."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
import pytest
from pydantic import ValidationError

from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.validation import validate
from tests.unit.sources.logs import aside, conserved, content, manifest, rows_of, source_study, table, write_csv

CLOCK = {"kind": "timestamp", "column": "t", "unit": "ms"}
HEADER = "t,ax,ay,az,w,x,y,z"
GRAVITY = {"kind": "gravity_from_quaternion", "base": "quaternion"}
LENGTH = {"kind": "magnitude", "base": "acc"}


def study_of(root: Path, keep: bool = False, **derived: Any) -> Study:
    modalities = {
        "acc": {"columns": ["ax", "ay", "az"], "channels": ["x", "y", "z"], "unit": "m/s2", "clock": CLOCK},
        "quaternion": {"columns": list("wxyz"), "channels": list("wxyz"), "unit": "1", "clock": CLOCK, "keep": keep},
    }
    derived = derived or {"orientation": GRAVITY, "length": LENGTH}
    return source_study(root, labels={}, modalities=modalities, derived=derived, shards=2)


def turning(count: int, first: int = 0) -> list[str]:
    """Readings every 20 ms; the device lies flat or, every other reading, stands on its edge."""
    flat, edge = "1,0,0,0", "0.7,0.7,0,0"
    return [f"{20 * i},3,4,{i % 7},{flat if i % 2 else edge}" for i in range(first, first + count)]


def write(study: Study, name: str, rows: list[str]) -> None:
    write_csv(study, name, rows, HEADER)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    study = study_of(tmp_path)
    for person in range(6):
        write(study, f"p{person}_1.csv", turning(20))
    rows = [*turning(20), "400,0,0,0,0,0,0,0", "420,0,0,x,1,0,0,0", "440,0,0,0,,0,0,0", *turning(5, 23)]
    write(study, "q_1.csv", rows)
    return study


def test_directions_lengths_and_what_cannot_be_derived(study: Study) -> None:
    summary = ingest(study, "s")
    found = rows_of(study, "orientation").sort("recording", "t_ns")
    assert found.columns == ["recording", "t_ns", "x", "y", "z"]
    assert found.select("x", "y", "z").row(0) == pytest.approx((0, 1, 0), abs=1e-6)
    assert found.select("x", "y", "z").row(1) == pytest.approx((0, 0, 1), abs=1e-6)
    assert rows_of(study, "length")["magnitude"].min() == 0
    assert summary.rules == {"broken_line": 1, "not_derivable": 1, "not_finite": 1}
    assert sorted(aside(study), key=str) == [
        ("q_1.csv", 23, "acc", "broken_line"),
        ("q_1.csv", 24, "orientation", "not_finite"),
        ("q_1.csv", None, "orientation", "not_derivable"),
    ]


def test_every_reading_of_the_base_is_accounted_for(study: Study) -> None:
    ingest(study, "s")
    assert conserved(study)
    counts = manifest(study)["files"]["q_1.csv"]["modalities"]
    assert counts["orientation"]["read"] == 28
    assert counts["length"]["read"] == counts["acc"]["kept"]
    assert not (study.records("s") / "quaternion").exists()
    assert "quaternion" not in counts


def test_the_manifest_says_how_a_modality_came_to_be(study: Study) -> None:
    ingest(study, "s")
    stated = manifest(study)["modalities"]
    assert sorted(stated) == ["acc", "length", "orientation"]
    assert (stated["orientation"]["unit"], stated["orientation"]["channels"]) == ("1", ["x", "y", "z"])
    assert stated["orientation"]["derived"] == {**GRAVITY, "scalar": "first", "turns": "device_to_world"}
    assert stated["acc"]["logged"]["unit"] == "m/s2"
    shard = next((study.records("s") / "orientation").glob("*.parquet"))
    field = pyarrow.parquet.read_schema(shard).field("x")
    assert field.metadata[b"unit"] == b"1"
    assert json.loads(field.metadata[b"derived"]) == stated["orientation"]["derived"]
    recordings = table(study, "recordings")
    assert recordings["file_orientation"].to_list() == recordings["file_quaternion"].to_list()


@pytest.mark.parametrize("keep", [False, True])
def test_a_new_a_changed_and_a_removed_file_give_the_bytes_of_a_run_from_nothing(tmp_path: Path, keep: bool) -> None:
    study, anew = study_of(tmp_path / "a", keep), study_of(tmp_path / "b", keep)
    for person in range(6):
        write(study, f"p{person}_1.csv", [*turning(20), "400,0,0,0,0,0,0,0"])
    ingest(study, "s")
    (study.raw("s") / "p3_1.csv").unlink()
    write(study, "p4_1.csv", turning(30))
    write(study, "p7_1.csv", turning(10))
    assert ingest(study, "s").read == 2
    for path in study.raw("s").iterdir():
        (anew.raw("s") / path.name).write_bytes(path.read_bytes())
    ingest(anew, "s")
    assert content(study) == content(anew)
    assert conserved(study)
    assert ingest(study, "s").read == 0
    assert content(study) == content(anew)


def test_linear_acceleration_has_no_gravity_left(tmp_path: Path) -> None:
    study = study_of(tmp_path, keep=True, linear={"kind": "linear_acceleration", "base": "acc"})
    write(study, "p_1.csv", [f"{20 * i},0,0,9.8,1,0,0,0" for i in range(200)])
    ingest(study, "s")
    linear = rows_of(study, "linear")
    assert linear.columns == ["recording", "t_ns", "x", "y", "z"]
    assert linear["z"].abs().max() < 1e-5
    assert manifest(study)["modalities"]["linear"]["unit"] == "m/s2"


def test_validation_judges_what_was_derived(study: Study) -> None:
    rows = [
        f"{20 * i},{i % 2},{i % 5 / 10},{9.8 + i % 3 / 10},{'0.7,0.7,0,0' if i % 2 else '1,0.1,0.2,0'}"
        for i in range(200)
    ]
    for path in study.raw("s").iterdir():
        path.write_text("\n".join([HEADER, *rows]) + "\n")
    ingest(study, "s")
    figures = validate(study, "s").figures["modalities"]
    assert sorted(figures) == ["acc", "length", "orientation"]
    assert figures["orientation"]["rows_kept"] == 7 * 200


@pytest.mark.parametrize(
    ("derived", "message"),
    [
        ({"acc": LENGTH}, "is read already"),
        ({"length": {"kind": "magnitude", "base": "ac"}}, "'ac' is no modality that is read"),
        ({"o": {"kind": "gravity_from_quaternion", "base": "acc"}}, "needs 4 channels"),
        ({"o": {"kind": "gravity_from_euler", "base": "acc", "convention": "aerospace"}}, "needs a base in rad"),
        ({"length": LENGTH}, "nothing is derived from it"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, derived: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        study_of(tmp_path, **derived)


def test_a_file_without_the_base_leaves_the_others_theirs(study: Study) -> None:
    write_csv(study, "r_1.csv", ["0,1,2,3", "20,1,2,4"], "t,ax,ay,az")
    ingest(study, "s")
    origin = table(study, "recordings").filter(file="r_1.csv").select("file_orientation", "file_length").row(0)
    assert origin == (None, "r_1.csv")
    assert conserved(study)
    notes = table(study, "quarantine").filter(pl.col("modality").is_null())
    assert notes["rule"].to_list() == ["missing_column"]

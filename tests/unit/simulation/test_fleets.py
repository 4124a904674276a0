"""Logs: formats as configured, the same bytes every time, few blemishes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.config import load_params
from mmbind.errors import InputError
from mmbind.files import digest_folder
from mmbind.simulation import write_demo_fleets
from mmbind.simulation.activities import ACTIVITIES
from mmbind.simulation.chance import generator
from mmbind.simulation.devices import Readings
from mmbind.simulation.loggers import csv_log
from mmbind.units import unit
from tests.support import ROOT

SMALL = {"fleet_a": 2, "fleet_b": 2, "fleet_c": 3}
MINUTES = dict.fromkeys(SMALL, 3.0)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("raw")
    write_demo_fleets(root, people=SMALL, minutes=MINUTES)
    return root


def csv_rows(path: Path) -> pl.DataFrame:
    return pl.read_csv(
        path, comment_prefix="#", schema_overrides={"activity": pl.String}, truncate_ragged_lines=True,
        infer_schema_length=None, ignore_errors=True,
    )  # fmt: skip


def typical(values: np.ndarray) -> float:
    """Median magnitude."""
    return float(np.median(np.linalg.norm(values[~np.isnan(values).any(axis=1)], axis=1)))


def test_fleet_a_is_csv_in_g_and_degrees(logs: Path) -> None:
    path = logs / "fleet_a" / "a01" / "session_1.csv"
    lines = path.read_text().splitlines()
    assert lines[0].startswith("#")
    rows = csv_rows(path)
    assert rows.columns == ["time_ms", *["ax", "ay", "az", "gx", "gy", "gz", "mx", "my", "mz"], "activity"]
    acc = rows.select("ax", "ay", "az").cast(pl.Float64, strict=False).to_numpy()
    assert typical(acc) == pytest.approx(1.0, rel=0.3)
    # Earth's field, 48 uT, and a hard iron of about 20 uT per axis
    assert 15 < typical(rows.select("mx", "my", "mz").cast(pl.Float64, strict=False).to_numpy()) < 110
    assert 5 < typical(rows.select("gx", "gy", "gz").cast(pl.Float64, strict=False).to_numpy()) < 400
    assert 0.9 < np.median(np.diff(rows["time_ms"].to_numpy())) / 20 < 1.1


def test_fleet_b_is_batches_stamped_with_their_last_reading(logs: Path) -> None:
    lines = (logs / "fleet_b" / "b01" / "1.jsonl").read_text().splitlines()
    batches = []
    for line in lines:
        try:
            batches.append(json.loads(line))
        except ValueError:
            continue
    assert len(lines) - len(batches) <= 2
    assert {"t", "acc", "gyro", "mag", "activity"} <= batches[0].keys()
    for one, two in pairwise(batches):
        spacing = (two["t"] - one["t"]) / 1e9
        assert spacing >= 0.95 * len(two["acc"]["x"]) / 50
    values = np.array([batches[5]["acc"][axis] for axis in "xyz"], dtype=float).T
    assert values.shape == (batches[5]["n"], 3)


def test_fleet_c_is_parquet_labelled_here_and_there(logs: Path) -> None:
    frame = pl.concat([pl.read_parquet(path) for path in sorted((logs / "fleet_c").iterdir())])
    share = (frame["activity"] != "").mean()
    assert 0.4 < share < 0.95
    assert set(frame["activity"]) == {"", *ACTIVITIES}
    assert 15 < typical(frame.select("mag_x", "mag_y", "mag_z").to_numpy()) * unit("gauss").factor < 110
    assert typical(frame.select("acc_x", "acc_y", "acc_z").to_numpy()) == pytest.approx(9.81, rel=0.3)
    assert frame["t_us"].dtype == pl.Int64


def test_the_default_study_finds_every_file(logs: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    for source, people in SMALL.items():
        files = sorted((logs / source).glob(params.sources[source].files))
        assert len(files) == people
        assert len(files) == sum(path.is_file() for path in (logs / source).rglob("*"))


def test_the_same_seed_gives_the_same_bytes_in_any_order_and_number(logs: Path, tmp_path: Path) -> None:
    write_demo_fleets(tmp_path, sources=["fleet_c", "fleet_a"], people=SMALL | {"fleet_a": 1}, minutes=MINUTES)
    assert digest_folder(tmp_path / "fleet_c") == digest_folder(logs / "fleet_c")
    name = "fleet_a/a01/session_1.csv"
    assert (tmp_path / name).read_bytes() == (logs / name).read_bytes()
    write_demo_fleets(tmp_path, seed=1, sources=["fleet_c"], people=SMALL, minutes=MINUTES)
    assert digest_folder(tmp_path / "fleet_c") != digest_folder(logs / "fleet_c")


def test_the_summary_says_what_was_written(tmp_path: Path) -> None:
    summary = write_demo_fleets(tmp_path, sources=["fleet_b"], people={"fleet_b": 1}, minutes={"fleet_b": 6.0})
    assert [(fleet.people, fleet.files) for fleet in summary.fleets] == [(1, 2)]
    assert "fleet_b: 1 people, 2 files" in summary.lines()[0]
    assert sorted(path.name for path in (tmp_path / "fleet_b" / "b01").iterdir()) == ["1.jsonl", "2.jsonl"]


def test_few_lines_are_spoilt_and_most_parse() -> None:
    count = 100_000
    readings = Readings(
        times=np.arange(count) / 50,
        signals={name: np.ones((count, 3)) for name in ("acc", "gyro", "mag")},
        labels=np.full(count, "rest"),
    )
    lines = csv_log(readings, start_ns=0, title="t", chance=generator("spoilt")).decode().splitlines()[4:]
    cells = [len(line.split(",")) for line in lines]
    assert 1 <= sum(number < 11 for number in cells) < 50
    assert 1 <= sum("nan" in line for line in lines) < 50
    assert 1 <= sum(one == two for one, two in pairwise(lines)) < 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sources": ["fleet_d"]}, "Did you mean 'fleet_"),
        ({"people": {"fleet_a": 0}}, "0 people"),
        ({"minutes": {"fleet_c": 0.1}}, "half a minute"),
    ],
)
def test_refuses_what_cannot_be_recorded(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_demo_fleets(tmp_path, **arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())

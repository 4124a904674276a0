"""Faults of real logs, from the raw file to the gate: what is quarantined, what warns, what stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.io import savemat

from mmbind.errors import GateError
from mmbind.files import read_json
from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.units import GRAVITY
from mmbind.validation import RecordsJudgement, validate
from tests.support import tiny_params, write_study
from tests.unit.validation.records import RATE_HZ, worn

SENSORS = ("acc", "gyro", "mag")
Lines = list[str]


def csv_lines(seed: int, **factors: float) -> Lines:
    """A healthy log of 1000 readings at 50 Hz: header, then t (ms), nine values, label."""
    signals = worn(seed)
    values = np.hstack([signals[name] * factors.get(name, 1.0) for name in SENSORS])
    header = ",".join(["t", *(f"{name}_{axis}" for name in SENSORS for axis in "xyz"), "label"])
    return [header, *(f"{20 * i},{','.join(f'{v:.5f}' for v in row)},walk" for i, row in enumerate(values))]


def write_logs(study: Study, logs: dict[str, Lines]) -> None:
    study.raw("s").mkdir(parents=True, exist_ok=True)
    for name, lines in logs.items():
        text = "\n".join([*lines, ""]) if lines else ""
        (study.raw("s") / name).write_text(text)


def restamped(lines: Lines, start: int, stop: int, shift_ms: int) -> Lines:
    """The log with the clock of some readings shifted."""
    moved = [line.split(",", 1) for line in lines[1 + start : 1 + stop]]
    return [*lines[: 1 + start], *(f"{int(t) + shift_ms},{rest}" for t, rest in moved), *lines[1 + stop :]]


def with_nan(lines: Lines, start: int, stop: int) -> Lines:
    """The log with the accelerometer's first axis lost for a while."""
    cells = [line.split(",") for line in lines[1 + start : 1 + stop]]
    return [*lines[: 1 + start], *(",".join([c[0], "nan", *c[2:]]) for c in cells), *lines[1 + stop :]]


@dataclass(frozen=True)
class Walked:
    """A source after ingest and validate: the judgement, and the quarantine's rows by file and rule."""

    judgement: RecordsJudgement
    aside: Counter[tuple[str, str]]

    def warned_of(self, rule: str) -> list[str]:
        """Files that a broken rule names."""
        return [f.file for verdict in self.judgement.warnings if verdict.rule == rule for f in verdict.worst]


def walk(study: Study) -> Walked:
    ingest(study, "s")
    judgement = validate(study, "s")
    rows = pl.read_parquet(study.records("s") / "quarantine.parquet").select("file", "rule").iter_rows()
    return Walked(judgement, Counter((file, rule) for file, rule in rows))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Five sound logs and one of each small fault."""
    study = write_study(tmp_path_factory.mktemp("fleet") / "study")
    logs = {f"p1_{seed}.csv": csv_lines(seed) for seed in range(5)}
    base = csv_lines(9)
    logs["broken_1.csv"] = [*base[:500], base[500][:23], *base[501:]]
    logs["twice_1.csv"] = [line for i, line in enumerate(base) for _ in range(2 if 300 < i <= 310 else 1)]
    logs["back_1.csv"] = restamped(base, 600, len(base) - 1, -400)
    logs["nan_1.csv"] = with_nan(base, 200, 240)
    logs["empty_1.csv"] = []
    write_logs(study, logs)
    return walk(study)


def test_a_broken_line_goes_to_quarantine(fleet: Walked) -> None:
    assert fleet.aside["broken_1.csv", "broken_line"] == len(SENSORS)
    assert "broken_1.csv" not in str(fleet.judgement.stopping)


def test_duplicated_timestamps_go_to_quarantine_and_warn(fleet: Walked) -> None:
    assert fleet.aside["twice_1.csv", "duplicate_time"] == 10 * len(SENSORS)
    assert set(fleet.warned_of("duplicates")) >= {"twice_1.csv"}


def test_a_clock_that_jumps_back_loses_its_readings_and_warns(fleet: Walked) -> None:
    lost = fleet.aside["back_1.csv", "backward_time"] + fleet.aside["back_1.csv", "duplicate_time"]
    assert lost == 20 * len(SENSORS)
    assert set(fleet.warned_of("clock_back")) == {"back_1.csv"}


def test_runs_of_nan_go_to_quarantine_and_warn(fleet: Walked) -> None:
    assert fleet.aside["nan_1.csv", "not_finite"] == 40
    assert fleet.warned_of("not_finite") == ["nan_1.csv"]
    assert fleet.warned_of("gaps") == ["nan_1.csv"]


def test_an_empty_file_is_set_aside_and_warns(fleet: Walked) -> None:
    assert fleet.aside["empty_1.csv", "empty_file"] == 1
    assert fleet.warned_of("readable_all") == ["empty_1.csv"]


def test_small_faults_stop_nothing_and_lose_nothing(fleet: Walked) -> None:
    rows = fleet.judgement.conservation
    assert fleet.judgement.passed
    assert rows.read == rows.kept + rows.quarantined == 9 * 3000 + 30
    assert rows.quarantined == sum(fleet.aside.values()) - 1


def declared(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The sources section with the modalities changed."""
    sources: dict[str, Any] = tiny_params()["sources"]
    change(sources["s"]["modalities"])
    return sources


def swap(modalities: dict[str, Any]) -> None:
    acc, gyro = modalities["acc"], modalities["gyro"]
    acc["columns"], gyro["columns"] = gyro["columns"], acc["columns"]


@pytest.mark.parametrize(
    ("factors", "rule", "value", "limit"),
    [
        ({"acc": 1 / GRAVITY}, "gravity", r"(0\.99|1\.0)\d* m/s2", r"8 to 12 m/s2"),
        ({"gyro": 180 / np.pi}, "rotation", r"\d\d\.\d+ rad/s", r"at most 6 rad/s"),
        ({"swap": 1.0}, "gravity", r"0\.01\d+ m/s2", r"8 to 12 m/s2"),
    ],
    ids=["g declared as m/s2", "deg/s declared as rad/s", "accelerometer and gyroscope swapped"],
)
def test_a_wrong_declaration_stops(
    tmp_path: Path, factors: dict[str, float], rule: str, value: str, limit: str
) -> None:
    study = write_study(tmp_path / "study", sources=declared(swap if "swap" in factors else lambda _: None))
    write_logs(study, {f"p1_{seed}.csv": csv_lines(seed, **factors) for seed in range(3)})
    ingest(study, "s")
    message = rf"^s: the rule '{rule}' is broken: \w+ of \w+ is {value}, allowed is {limit} \(worst file p1_\d\.csv: "
    with pytest.raises(GateError, match=message) as caught:
        validate(study, "s")
    assert "params.yaml" in caught.value.hint
    assert read_json(study.validation("s"))["passed"] is False


def test_logged_units_that_are_declared_rightly_pass(tmp_path: Path) -> None:
    def in_g(modalities: dict[str, Any]) -> None:
        modalities["acc"]["unit"], modalities["gyro"]["unit"] = "g", "deg/s"

    study = write_study(tmp_path / "study", sources=declared(in_g))
    factors = {"acc": 1 / GRAVITY, "gyro": 180 / np.pi}
    write_logs(study, {f"p1_{seed}.csv": csv_lines(seed, **factors) for seed in range(3)})
    ingest(study, "s")
    assert validate(study, "s").warnings == []


def test_a_clock_set_back_for_good_stops(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    write_logs(study, {f"p1_{seed}.csv": restamped(csv_lines(seed), 500, 1000, -3_600_000) for seed in range(3)})
    ingest(study, "s")
    with pytest.raises(GateError, match=r"'quarantine_stop'.* is 0\.5, allowed is at most 0\.2 \(worst file p1_0\.csv"):
        validate(study, "s")
    written = read_json(study.validation("s"))
    assert written["quarantined"] == {"backward_time": 4500}
    assert written["conservation"]["holds"]


@pytest.mark.parametrize("cut", [1, 3])
def test_truncated_matlab_files_warn_and_stop_when_many(tmp_path: Path, cut: int) -> None:
    """Two variables per file as UTD-MHAD has them, at 50 Hz, six files; some cut off."""
    clock = {"kind": "sample_index", "rate_hz": RATE_HZ}

    def modality(unit: str, columns: list[int]) -> dict[str, Any]:
        return {"variable": "d_iner", "columns": columns, "channels": list("xyz"), "unit": unit, "clock": clock}

    source = {
        "files": "*.mat",
        "reader": {"format": "matlab"},
        "identity": {"pattern": r"a\d+_s(?P<subject>\d+)_t(?P<session>\d+)"},
        "modalities": {"acc": modality("m/s2", [0, 1, 2]), "gyro": modality("rad/s", [3, 4, 5])},
    }
    study = write_study(tmp_path / "study", sources={"s": source})
    study.raw("s").mkdir(parents=True)
    for number in range(1, 7):
        path, signals = study.raw("s") / f"a1_s1_t{number}.mat", worn(number)
        savemat(path, {"d_iner": np.hstack([signals["acc"], signals["gyro"]])})
        if number <= cut:
            path.write_bytes(path.read_bytes()[:20_000])
    ingest(study, "s")
    quarantine = pl.read_parquet(study.records("s") / "quarantine.parquet")
    assert quarantine["file"].to_list() == [f"a1_s1_t{number}.mat" for number in range(1, cut + 1)]
    assert quarantine["rule"].unique().to_list() == ["unreadable"]
    if cut == 1:
        judgement = validate(study, "s")
        assert [verdict.rule for verdict in judgement.warnings] == ["readable_all"]
        assert "a1_s1_t1.mat" in judgement.lines()[1]
    else:
        with pytest.raises(
            GateError, match=r"'readable'.* is 0\.5, allowed is at most 0\.2 \(worst file a1_s1_t1\.mat"
        ):
            validate(study, "s")

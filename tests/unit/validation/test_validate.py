"""A judgement as a user meets it: what passes, what warns, what stops, and what is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmbind.errors import GateError, InputError, MissingStageError
from mmbind.files import read_json, write_json
from mmbind.study import Study
from mmbind.units import GRAVITY
from mmbind.validation import validate
from tests.unit.validation.records import RATE_HZ, Signals, study_with_suites, worn, write_records

EVERY = ["acc", "gyro", "mag"]
HEALTHY = {f"p1_{seed}.csv": worn(seed) for seed in range(4)}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return study_with_suites(tmp_path / "study", EVERY)


def changed(**factors: float) -> dict[str, Signals]:
    """The healthy files with some modalities scaled."""
    return {
        file: {name: values * factors.get(name, 1.0) for name, values in signals.items()}
        for file, signals in HEALTHY.items()
    }


def stopped(study: Study, files: dict[str, Signals]) -> str:
    write_records(study, files)
    with pytest.raises(GateError) as caught:
        validate(study, "s")
    assert caught.value.exit_code == 1
    return str(caught.value)


def warned(study: Study) -> set[str]:
    return {verdict.rule for verdict in validate(study, "s").warnings}


def test_healthy_records_pass_every_rule(study: Study) -> None:
    write_records(study, HEALTHY)
    judgement = validate(study, "s")
    assert judgement.passed
    assert judgement.warnings == []
    assert judgement.lines() == ["s: 58 of 58 rules hold; rows read 12000 = kept 12000 + quarantined 0"]
    acc = judgement.figures["modalities"]["acc"]
    assert acc["rest_magnitude"] == pytest.approx(9.81, abs=0.05)
    assert acc["rate_hz"] == pytest.approx(RATE_HZ)


def test_one_file_in_another_unit_stops_and_is_named(study: Study) -> None:
    files = {**HEALTHY, "p1_2.csv": changed(acc=1 / GRAVITY)["p1_2.csv"]}
    message = stopped(study, files)
    assert "'gravity_of_file'" in message
    assert "p1_2.csv" in message


def test_gauss_declared_as_microtesla_stops(study: Study) -> None:
    assert "'field'" in stopped(study, changed(mag=0.01))


def test_a_dead_axis_stops_when_dead_everywhere_and_warns_in_one_file(study: Study) -> None:
    dead = {file: {**s, "mag": s["mag"] * [1, 1, 0]} for file, s in HEALTHY.items()}
    assert "'alive'" in stopped(study, dead)
    write_records(study, {**HEALTHY, "p1_0.csv": dead["p1_0.csv"]})
    assert warned(study) == {"alive_in_file"}


def test_a_modality_without_any_reading_stops(study: Study) -> None:
    files = {file: {name: s[name] for name in ("acc", "gyro")} for file, s in HEALTHY.items()}
    message = stopped(study, files)
    assert "'rows_present'" in message
    assert "mag" in message


def test_a_source_of_other_modalities_needs_no_accelerometer(tmp_path: Path) -> None:
    study = study_with_suites(tmp_path / "study", ["skeleton"])
    joints = np.random.default_rng(0).normal(0, 0.2, (200, 60)) + 2
    write_records(study, {"a.mat": {"skeleton": joints}})
    assert validate(study, "s").warnings == []
    write_records(study, {"a.mat": {"skeleton": joints * 1000}})
    with pytest.raises(GateError, match="'distance_range'"):
        validate(study, "s")


def test_unreadable_files_warn_and_stop_when_many(study: Study) -> None:
    write_records(study, HEALTHY, unreadable=("broken.csv",))
    assert warned(study) == {"readable_all"}
    write_records(study, HEALTHY, unreadable=("broken.csv", "empty.csv"))
    with pytest.raises(GateError, match=r"'readable'.*0\.333.*at most 0\.2.*broken\.csv"):
        validate(study, "s")


def test_quarantined_readings_warn_and_stop_when_many(study: Study) -> None:
    few = [("p1_0.csv", line, "acc", "broken_line") for line in range(60)]
    write_records(study, HEALTHY, quarantine=few)
    assert warned(study) == {"quarantine"}
    write_records(study, HEALTHY, quarantine=[("p1_0.csv", line, "acc", "broken_line") for line in range(1500)])
    with pytest.raises(GateError, match=r"'quarantine_stop'.*0\.27.*worst file p1_0\.csv"):
        validate(study, "s")


def test_another_rate_and_a_gap_warn(study: Study) -> None:
    count = len(HEALTHY["p1_1.csv"]["acc"])
    times = np.arange(count) / 40.0
    times[count // 2 :] += 0.6
    write_records(study, HEALTHY, seconds={"p1_1.csv": times})
    assert warned(study) == {"rate", "gaps"}
    write_records(study, HEALTHY, declared_hz=100.0)
    assert warned(study) == {"rate"}


def test_times_out_of_order_and_missing_values_stop(study: Study) -> None:
    count = len(HEALTHY["p1_1.csv"]["acc"])
    times = np.arange(count) / RATE_HZ
    times[10] = times[9]
    write_records(study, HEALTHY, seconds={"p1_1.csv": times})
    with pytest.raises(GateError, match="'ordered'"):
        validate(study, "s")
    holed = {name: values.copy() for name, values in HEALTHY["p1_1.csv"].items()}
    holed["acc"][5:9, 1] = np.nan
    message = stopped(study, {**HEALTHY, "p1_1.csv": holed})
    assert "'complete'" in message
    assert "p1_1.csv is 4" in message


def test_the_judgement_is_written_before_the_gate_closes(study: Study) -> None:
    stopped(study, changed(acc=1 / GRAVITY))
    written = read_json(study.validation("s"))
    assert written["passed"] is False
    broken = next(rule for rule in written["rules"] if rule["rule"] == "gravity")
    assert broken["severity"] == "critical"
    assert broken["passed"] is False
    assert broken["limit"] == "8 to 12"
    assert broken["broken"]["value"] == pytest.approx(1.0, abs=0.01)
    assert broken["worst"][0]["file"] in HEALTHY
    assert written["conservation"] == {
        "read": 12000, "kept": 12000, "quarantined": 0, "broken": 0, "breaks": [], "holds": True
    }  # fmt: skip


def test_the_same_records_give_the_same_bytes(study: Study, tmp_path: Path) -> None:
    write_records(study, HEALTHY, unreadable=("broken.csv",))
    validate(study, "s")
    first = study.validation("s").read_bytes()
    other = study_with_suites(tmp_path / "another" / "place", EVERY)
    write_records(other, dict(reversed(HEALTHY.items())), unreadable=("broken.csv",))
    validate(other, "s")
    assert other.validation("s").read_bytes() == first
    assert str(tmp_path) not in first.decode()
    assert json.loads(first)["suites"] == ["records.json"]


def test_rows_that_the_manifest_does_not_state_stop(study: Study) -> None:
    write_records(study, HEALTHY)
    path = study.records("s") / "manifest.json"
    manifest = read_json(path)
    manifest["files"]["p1_0.csv"]["modalities"]["acc"]["kept"] -= 1
    write_json(path, manifest)
    with pytest.raises(GateError, match=r"not conserved.*p1_0\.csv, acc.*ingest"):
        validate(study, "s")
    assert read_json(study.validation("s"))["conservation"]["broken"] == 2


def test_unknown_and_missing_sources_are_told(study: Study) -> None:
    with pytest.raises(InputError, match="Unknown source 'fleet'"):
        validate(study, "fleet")
    with pytest.raises(MissingStageError, match="ingest"):
        validate(study, "s")


def test_judging_is_silent(study: Study, capfd: pytest.CaptureFixture[str]) -> None:
    write_records(study, HEALTHY)
    validate(study, "s")
    assert capfd.readouterr() == ("", "")


def test_great_expectations_is_loaded_only_to_judge() -> None:
    code = "import mmbind.validation, sys; print('great_expectations' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]

"""Stored runs are trained again and compared; equal code changes nothing, other results are found."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mmbind import files
from mmbind.cli import main
from mmbind.errors import InputError, MmbindError
from mmbind.evaluation.grid import Selection, check_runs, run_grid, write_results_page
from mmbind.evaluation.runs import software
from mmbind.learning import augment
from mmbind.reports.results import Results
from mmbind.reports.results.checks import read_checks
from mmbind.study import Study
from mmbind.training import trainer
from tests.unit.evaluation.gridded import stored, write_gridded

SMALL: dict[str, Any] = {
    "tasks": {"complete": ["acc", "gyro", "mag"]},
    "labels": [6],
    "draws": ["balanced"],
    "seeds": [0],
    "methods": ["lower", "mmbind"],
}


def _work(study: Study) -> set[str]:
    return {path.name for path in (study.root / "data" / ".work").iterdir()}


def _new_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Another version of the code, which does the same."""
    copied = tmp_path / "mmbind"
    if not copied.exists():
        shutil.copytree(files.PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(files, "PACKAGE", copied)
    with (copied / "learning" / "loop.py").open("a") as stream:
        stream.write(line)
    software.cache_clear()


@pytest.fixture(autouse=True)
def _forget_code() -> Any:
    yield
    software.cache_clear()


def test_stored_runs_come_out_the_same_and_leave_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = write_gridded(tmp_path, **SMALL)
    run_grid(study)
    before, work = stored(study), _work(study)
    summary = check_runs(study)
    assert (summary.tried, summary.stand, summary.other) == (2, 0, 0)  # one of each method
    assert check_runs(study, count=5).tried == 4  # two rotations
    assert (stored(study), _work(study)) == (before, work)
    with pytest.raises(SystemExit) as left:
        main(["results", "check", "--study", str(tmp_path), "--method", "lower"])
    assert not left.value.code
    assert "1 stored runs trained again: the same results to the last digit" in capsys.readouterr().out


def test_runs_of_earlier_code_stand_for_code_that_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_gridded(tmp_path / "study", **SMALL)
    run_grid(study)
    tables = Results.read(study.root / "results").runs
    _new_code(tmp_path, monkeypatch, "\nCHANGED = 1\n")
    assert "4 of 4 runs are of another version" in write_results_page(study.root).path.read_text()
    summary = check_runs(study, Selection(methods=("mmbind",)))
    assert (summary.tried, summary.stand) == (1, 2)
    text = write_results_page(study.root).path.read_text()
    assert "2 of 4 runs are of another version of the code that trains" in text  # lower was not tried
    check_runs(study)
    text = write_results_page(study.root).path.read_text()
    assert "0 were trained by the present code, 4 by earlier versions; the present one was tried on 2 of these" in text
    assert "the other 2 are taken to be like those of their kind" in text
    assert run_grid(study).trained == 0
    assert Results.read(study.root / "results").runs.equals(tables)  # what was stored says what trained it
    _new_code(tmp_path, monkeypatch, "\nCHANGED = 2\n")
    assert run_grid(study).trained == 4  # a check is of one version of the code


def test_label_counts_do_not_stand_for_each_other(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **SMALL | {"labels": [3, 6]})
    run_grid(study)
    assert check_runs(study).tried == 4  # two methods with each


def test_other_results_are_found_and_noted_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_gridded(tmp_path / "study", **SMALL)
    run_grid(study)
    before = stored(study)
    _new_code(tmp_path, monkeypatch, "\nCHANGED = 1\n")

    def louder(view: Any, config: Any, generator: Any) -> Any:
        return 1.5 * augment.augment(view, config, generator)

    monkeypatch.setattr(trainer, "augment", louder)
    with pytest.raises(MmbindError, match=r"2 of 2 kinds of runs do not come out as stored: p\d-complete-6-balanced"):
        check_runs(study)
    assert stored(study) == before


def test_what_a_later_check_finds_otherwise_is_noted_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first check tries one rotation of each method; the stored run of another one is not what the code gives."""
    study = write_gridded(tmp_path / "study", **SMALL)
    run_grid(study)
    _new_code(tmp_path, monkeypatch, "\nCHANGED = 1\n")
    check_runs(study)
    folder = study.root / "results"
    tried = read_checks(folder).filter("tried", method="mmbind")["rotation"].to_list()
    other = (pl.col("method") == "mmbind") & ~pl.col("rotation").is_in(tried)
    results = Results.read(folder)
    wrong = results.runs.with_columns(accuracy=pl.when(other).then(0.123).otherwise(pl.col("accuracy")))
    replace(results, runs=wrong).write(folder)
    with pytest.raises(MmbindError, match=r"1 of 2 kinds of runs .*mmbind.*stored 0\.123000"):
        check_runs(study, count=2)
    assert set(read_checks(folder)["method"]) == {"lower"}
    assert run_grid(study).trained == 2  # both rotations of mmbind


def test_a_training_that_fails_says_nothing_of_the_stored_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_gridded(tmp_path / "study", **SMALL)
    run_grid(study)
    _new_code(tmp_path, monkeypatch, "\nCHANGED = 1\n")
    check_runs(study)
    before = stored(study)

    def full(view: Any, config: Any, generator: Any) -> Any:
        raise MmbindError("no memory is left.")

    monkeypatch.setattr(trainer, "augment", full)
    with pytest.raises(MmbindError, match=r"Trainings of 2 of 2 kinds failed: p\d-.*: no memory is left\."):
        check_runs(study)
    assert stored(study) == before


def test_two_runs_that_are_one_training_are_both_compared(tmp_path: Path) -> None:
    """All 12 windows of a target are labelled, so both draws are the same; one of the stored rows is wrong."""
    study = write_gridded(tmp_path, **{**SMALL, "labels": [12], "draws": ["balanced", "random"]})
    part = Selection(rotations=("p0",), methods=("lower",))
    run_grid(study, part)
    assert check_runs(study, part).tried == 2
    results = Results.read(study.root / "results")
    for draw in ("balanced", "random"):
        wrong = results.runs.with_columns(
            accuracy=pl.when(pl.col("draw") == draw).then(0.123).otherwise(pl.col("accuracy"))
        )
        replace(results, runs=wrong).write(study.root / "results")
        with pytest.raises(MmbindError, match=f"1 of 2 kinds of runs.*{draw}"):
            check_runs(study, part)


def test_runs_of_other_parameters_cannot_be_checked(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **SMALL)
    with pytest.raises(InputError, match="No run of this selection is stored"):
        check_runs(study)
    run_grid(study)
    training = study.params.training.model_copy(update={"temperature": 0.5})
    changed = Study(study.root, study.params.model_copy(update={"training": training}), study.data)
    with pytest.raises(InputError, match="None of 4 stored runs is of the present data and parameters"):
        check_runs(changed)

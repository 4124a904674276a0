"""Rotations on a tiny study: the whole street from windows on, for other people."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from mmbind.errors import InputError, MissingStageError
from mmbind.evaluation import EvaluationSummary, evaluate, rotations, run_rotations
from mmbind.study import Study
from tests.support import write_store, write_study
from tests.unit.evaluation.studied import CLASSES, signals

ROTATIONS = [
    {"name": "r0", "subjects": {}},
    {"name": "r1", "subjects": {"A": ["p5", "p6"], "B": ["p1", "p2"], "target": ["p3"], "test": ["p4"]}},
]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    evaluation = {"methods": ["lower", "mmbind"], "seeds": [0, 1], "workers": 1}
    study = write_study(tmp_path, rotations=ROTATIONS, evaluation=evaluation)
    subjects = [f"p{number}" for number in range(1, 7) for _ in range(12)]
    labels = [CLASSES[number % 3] for number in range(len(subjects))]
    write_store(study.windows("s"), signals(labels, 5), subjects=subjects, labels=labels)
    return study


def test_rotations_are_walked_once_and_collected(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[str] = []

    def watched(one: Study) -> EvaluationSummary:
        walked.append(one.data.name)
        return evaluate(one)

    monkeypatch.setattr(rotations, "evaluate", watched)
    only = run_rotations(study, ["r1"])
    assert [result.name for result in only.proof.rotations] == ["r1"]
    summary = run_rotations(study)
    assert walked == ["r1", "r0"]
    assert [result.name for result in summary.proof.rotations] == ["r0", "r1"]
    results = json.loads((study.root / "results" / "rotations.json").read_text())
    assert results["rotations"][1]["subjects"]["test"] == ["p4"]
    assert 0 <= results["purity"]["mean"] <= 1
    assert set(results["methods"]) == {"lower", "mmbind"}
    page = (study.root / "results" / "rotations.md").read_text()
    assert "pair purity" in page
    assert "The same people recur" in page
    assert any(line.startswith("r0: purity") for line in summary.lines())
    assert not (study.root / "data" / "roles").exists()
    index = pl.read_parquet(rotations.rotated(study, study.params.rotations[1]).role("test") / "index.parquet")
    assert index["subject"].unique().to_list() == ["p4"]
    before = [path.read_bytes() for path in sorted((study.root / "results").iterdir())]
    run_rotations(study)
    assert walked == ["r1", "r0"]
    assert [path.read_bytes() for path in sorted((study.root / "results").iterdir())] == before


def test_rotations_are_named_rightly(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Unknown rotation 'r9'"):
        run_rotations(study, ["r9"])
    with pytest.raises(InputError, match="names no rotations"):
        run_rotations(write_study(tmp_path / "none"))
    with pytest.raises(MissingStageError, match="Run the stage 'window' first"):
        run_rotations(write_study(tmp_path / "bare", rotations=ROTATIONS))

"""Runs: what determines them, that they are kept, and that nothing else moves them."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind import files
from mmbind.config import Params
from mmbind.evaluation import harness
from mmbind.evaluation.harness import plan, run_methods
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods import METHODS
from mmbind.evaluation.runs import Run, software
from mmbind.evaluation.worker import perform, trained_by_stage
from mmbind.study import Study
from mmbind.training import train
from mmbind.training.model import TrainedModel
from mmbind.training.trainer import epochs_for, steps_per_epoch
from mmbind.windows.store import WindowStore
from tests.support import write_store
from tests.unit.evaluation.studied import write_studied


def evaluation(**values: Any) -> dict[str, Any]:
    return {"methods": ["lower", "mim"], "seeds": [0, 1], "workers": 1, **values}


def test_an_evaluation_that_is_run_again_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_studied(tmp_path, evaluation=evaluation())
    planned = plan(study)
    first = run_methods(study, planned)
    assert [(run.method, run.seed) for run in first] == [("lower", 0), ("lower", 1), ("mim", 0), ("mim", 1)]
    shutil.rmtree(study.work(planned.requests[2].key))
    trained: list[tuple[str, int]] = []

    def watched(request: Any) -> Run:
        trained.append((request.method, request.seed))
        return perform(request)

    monkeypatch.setattr(harness, "perform", watched)
    assert run_methods(study, plan(study)) == first
    assert trained == [("mim", 0)]


def test_a_killed_training_resumes_to_the_same_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_studied(tmp_path, evaluation=evaluation(methods=["mim"], seeds=[3]))
    (request,) = plan(study).requests
    whole = perform(request)
    shutil.rmtree(study.work(request.key))
    with monkeypatch.context() as patch:
        patch.setattr("mmbind.evaluation.worker.answer", _killed)
        with pytest.raises(KeyboardInterrupt):
            perform(request)
    assert (study.work(request.key) / "training" / "finetune").is_dir()
    assert perform(request) == whole
    assert sorted(path.name for path in study.work(request.key).iterdir()) == ["run.json"]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_answers_depend_neither_on_workers_nor_on_order(tmp_path: Path) -> None:
    one = write_studied(tmp_path / "one", evaluation=evaluation())
    two = write_studied(tmp_path / "two", evaluation=evaluation(seeds=[1, 0], methods=["mim", "lower"], workers=2))
    runs = [{(run.method, run.seed): run for run in run_methods(study, plan(study))} for study in (one, two)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("method", METHODS)
def test_runs_know_no_label_of_the_test_and_none_but_the_controls_what_roles_mask(tmp_path: Path, method: str) -> None:
    study = write_studied(tmp_path, evaluation=evaluation(methods=[method], seeds=[0]))
    (request,) = plan(study).requests
    shutil.rmtree(study.truth("test") if method in ("upper", "oracle") else study.data / "truth")
    run = perform(request)
    assert len(run.predicted) == 9
    assert set(run.predicted) <= {"jump", "run", "walk"}


def test_the_choice_of_the_shared_modality_is_part_of_a_run_where_there_is_one(tmp_path: Path) -> None:
    """Where all roles have one modality in common there is no choice; where they have two, either can be shared."""
    evaluated = evaluation(methods=["lower", "dcm"], seeds=[0])
    study = write_studied(tmp_path / "one", evaluation=evaluated)
    other = dataclasses.replace(study, params=_shared_by(study, "gyro"))
    assert plan(study).requests[0].key == plan(other).requests[0].key
    for role in ("A", "B"):
        store = WindowStore.open(study.role(role), stage="assign")
        every = {name: store.gather("acc", store.positions(store.ids)) for name in ("acc", "gyro")}
        count = len(store.ids)
        shutil.rmtree(study.role(role))
        write_store(study.role(role), every, subjects=[role] * count, labels=[None] * count, prefix=role)
    assert plan(study).requests[1].method == "dcm"
    assert plan(study).requests[1].key != plan(other).requests[1].key


def _shared_by(study: Study, modality: str) -> Params:
    return study.params.model_copy(update={"shared": study.params.shared.model_copy(update={"modality": modality})})


def test_a_test_role_without_a_modality_that_it_might_show_is_answered_by_the_others(tmp_path: Path) -> None:
    study = write_studied(tmp_path, evaluation=evaluation(methods=["lower"], seeds=[0]))
    test = WindowStore.open(study.role("test"), stage="assign")
    count = len(test.ids)
    every = {name: test.gather(name, test.positions(test.ids)) for name in ("acc", "gyro", "mag")}
    people = {"subjects": ["person of test"] * count, "labels": [None] * count, "prefix": "test"}
    shutil.rmtree(study.role("test"))
    write_store(study.role("test"), every, absent={"mag": range(count)}, **people)
    assert "mag" in WindowStore.open(study.role("test"), stage="assign").modalities
    (request,) = plan(study).requests
    run = perform(request)
    assert len(run.predicted) == count
    assert set(run.answers.chosen) == {"acc", "gyro", "acc+gyro"}


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_model_of_the_stage_train_is_taken_and_changes_nothing(tmp_path: Path, calibrated: bool) -> None:
    study = write_studied(tmp_path, evaluation=evaluation(methods=["mmbind"], seeds=[0, 1], calibrated=calibrated))
    first, second = plan(study).requests
    expected = perform(first)
    train(study)
    assert trained_by_stage(Inputs(study, first.seed)) is not None
    assert trained_by_stage(Inputs(study, second.seed)) is None
    shutil.rmtree(study.work(first.key))
    assert perform(first) == expected
    card = study.model("multimodal") / "card.json"
    values = files.read_json(card)
    files.write_json(card, {**values, "software": {**values["software"], "torch": "1.0"}})
    assert trained_by_stage(Inputs(study, first.seed)) is None
    files.write_json(card, values)
    assert trained_by_stage(Inputs(study, first.seed)) is not None
    (study.role("target") / "more").write_text("x")
    assert trained_by_stage(Inputs(study, first.seed)) is None


def test_a_model_that_saw_all_pairs_as_often_as_others_see_windows_is_not_taken(tmp_path: Path) -> None:
    """Over pairs, of which there are more than windows, the stage takes more steps than the harness allows."""
    study = write_studied(tmp_path, evaluation=evaluation(methods=["mmbind"], seeds=[0]))
    views = study.params.training.model_copy(update={"contrast": "views"})
    study = dataclasses.replace(study, params=study.params.model_copy(update={"training": views}))
    (request,) = plan(study).requests
    expected = perform(request)
    train(study)
    assert trained_by_stage(Inputs(study, request.seed)) is None
    shutil.rmtree(study.work(request.key))
    assert perform(request) == expected


def test_a_model_that_is_taken_answers_with_the_threads_of_the_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_studied(tmp_path, evaluation=evaluation(methods=["mmbind"], seeds=[0]))
    train(study)
    (request,) = plan(study).requests
    threads: list[int] = []
    predict = TrainedModel.predict

    def watched(self: TrainedModel, *samples: Any) -> Any:
        threads.append(torch.get_num_threads())
        return predict(self, *samples)

    monkeypatch.setattr(TrainedModel, "predict", watched)
    torch.set_num_threads(study.params.compute.threads + 1)
    perform(request)
    assert set(threads) == {study.params.compute.threads}


def keys(study: Study) -> dict[tuple[str, int], str]:
    return {(request.method, request.seed): request.key for request in plan(study).requests}


def test_a_key_changes_exactly_with_what_determines_the_run(tmp_path: Path) -> None:
    every = ["lower", "mim", "mmbind", "upper", "oracle"]
    study = write_studied(tmp_path / "a", evaluation=evaluation(methods=every))
    before = keys(study)
    assert len(set(before.values())) == 10
    assert before == keys(write_studied(tmp_path / "elsewhere", evaluation=evaluation(methods=every, workers=2)))

    def changed() -> set[str]:
        now = keys(study)
        return {method for (method, seed), key in now.items() if key != before[method, seed]}

    (study.truth("A") / "more").write_text("x")
    assert changed() == {"upper", "oracle"}
    (study.truth("A") / "more").unlink()
    (study.truth("test") / "more").write_text("x")
    assert changed() == set()
    (study.role("B") / "more").write_text("x")
    assert changed() == set(every) - {"lower"}
    (study.role("target") / "more").write_text("x")
    assert changed() == set(every)


def test_parameters_of_training_change_every_key(tmp_path: Path) -> None:
    study = write_studied(tmp_path, evaluation=evaluation())
    before = keys(study)
    for update in ({"temperature": 0.3}, {"modality_dropout": 0.2}):
        training = study.params.training.model_copy(update=update)
        other = Study(study.root, study.params.model_copy(update={"training": training}), study.data)
        assert not set(keys(other).values()) & set(before.values())
    training = study.params.training.model_copy(update={"seed": 9, "checkpoint_every": 1})
    assert keys(Study(study.root, study.params.model_copy(update={"training": training}), study.data)) == before


def test_code_that_determines_a_run_changes_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_studied(tmp_path / "study", evaluation=evaluation())
    before = keys(study)
    copied = tmp_path / "mmbind"
    shutil.copytree(files.PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(files, "PACKAGE", copied)
    for module in ("windows/store.py", "files.py", "learning/loop.py", "training/recipe.py"):
        path = copied / module
        text = path.read_text()
        for edited in (True, False):
            path.write_text(text + "CHANGED = 1\n" if edited else text)
            software.cache_clear()
            assert (set(keys(study).values()) & set(before.values()) == set()) is edited, module
    (copied / "sources" / "ingest.py").write_text("")
    software.cache_clear()
    assert keys(study) == before
    software.cache_clear()


def test_unavailable_methods_are_left_out_and_explained(tmp_path: Path) -> None:
    study = write_studied(tmp_path, evaluation=evaluation(methods=["lower", "oracle"], seeds=[0]))
    for role in ("A", "B"):
        index = study.truth(role) / "index.parquet"
        pl.read_parquet(index).with_columns(label=pl.lit(None, pl.String)).write_parquet(index)
    planned = plan(study)
    assert [request.method for request in planned.requests] == ["lower"]
    assert planned.unavailable == {"oracle": "the true labels of the unlabelled roles are not known"}


@given(st.integers(1, 500), st.integers(1, 5000), st.integers(2, 128))
@settings(deadline=None, max_examples=60)
def test_epochs_come_nearest_to_the_budget(epochs: int, samples: int, batch: int) -> None:
    steps = epochs * steps_per_epoch(samples, batch)
    assert epochs_for(steps, samples, batch) == epochs
    for other in (samples // 3 + 1, samples * 3):
        here = steps_per_epoch(other, batch)
        chosen = epochs_for(steps, other, batch)
        assert chosen == 1 or abs(chosen * here - steps) <= here / 2

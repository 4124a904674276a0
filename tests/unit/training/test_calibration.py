"""Calibration: the temperature that labels ask for, found without an answer on what was learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from mmbind.errors import DataError
from mmbind.evaluation.harness import plan
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.worker import perform
from mmbind.files import read_json, sha256_file, write_json
from mmbind.learning.samples import Samples
from mmbind.study import Study
from mmbind.training import train
from mmbind.training.calibration import BOUND, calibrate, split, temperature
from mmbind.training.model import TrainedModel
from mmbind.training.model_file import load_model
from mmbind.training.samples import as_recorded, labelled
from mmbind.training.trainer import Trainer
from mmbind.windows.store import WindowStore
from tests.unit.evaluation.studied import write_studied
from tests.unit.training.test_train import bound_study


def with_folds(study: Study, folds: int) -> Study:
    path = study.root / "params.yaml"
    values = yaml.safe_load(path.read_text())
    values["training"]["calibration"] = {"folds": folds}
    path.write_text(yaml.safe_dump(values))
    return Study.load(study.root)


def target_samples(study: Study) -> Samples:
    return as_recorded([WindowStore.open(study.role("target"), stage="assign")])


def softmax(scores: np.ndarray) -> np.ndarray:
    return special.softmax(scores, axis=1).astype(np.float32)


@pytest.mark.parametrize("excess", [0.5, 1.0, 3.0])
def test_scores_that_are_too_large_are_divided_by_as_much(excess: float) -> None:
    """Classes are drawn by softmax(scores); a model that says softmax(excess * scores) is off by that."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(4000, 5)) * 2
    true = np.array([generator.choice(5, p=row / row.sum()) for row in softmax(scores).astype(np.float64)])
    assert temperature(excess * scores, true) == pytest.approx(excess, rel=0.1)


def test_the_temperature_is_the_best_of_many() -> None:
    """Against a slow search over the same cost."""
    generator = np.random.default_rng(1)
    scores, true = generator.normal(size=(30, 4)) * 3, generator.integers(4, size=30)

    def cost(value: float) -> float:
        tempered = special.softmax(scores / value, axis=1)
        return float(np.log(value) ** 2 / 2 - np.log(tempered[np.arange(30), true]).sum())

    tried = np.exp(np.linspace(np.log(0.5), np.log(BOUND), 4001))
    assert temperature(scores, true) == pytest.approx(tried[np.argmin([cost(one) for one in tried])], rel=2e-3)


@pytest.mark.parametrize(("right", "low", "high"), [(True, 0.1, 1.0), (False, 1.0, BOUND)])
def test_a_few_answers_that_are_all_right_or_all_wrong_say_something_but_not_everything(
    right: bool, low: float, high: float
) -> None:
    scores = np.log(np.tile([0.9, 0.1], (4, 1)))
    assert low < temperature(scores, np.full(4, 0 if right else 1)) < high


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(2, 8), st.integers(0, 2**31))
def test_folds_hold_each_window_once_and_classes_as_equally_as_they_can(
    labels: list[int], folds: int, seed: int
) -> None:
    known = np.array(labels)
    parts = split(known, folds, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for one in set(labels):
        counts = [int((known[part] == one).sum()) for part in parts]
        assert max(counts) - min(counts) <= 1


def test_each_label_is_answered_by_a_teacher_that_did_not_learn_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_studied(tmp_path)
    inputs = Inputs(study, 0)
    known, windows = labelled(inputs.target), as_recorded(list(inputs.unlabelled.values()))
    trainer = Trainer(
        training=study.params.training,
        compute=study.params.compute,
        seed=0,
        modalities=inputs.modalities,
        classes=known.classes,
        seen=[windows, known],
    )
    trainer.run("pretrain", windows, trainer.on(windows, trainer.contrast))
    pretrained = trainer.weights()
    trained = trainer.finetune(known)
    before, losses = trainer.weights(), dict(trained.losses)
    learned: list[set[str]] = []
    starts: list[dict[str, torch.Tensor]] = []
    asked: list[str] = []
    finetune, scores = trainer.finetune, TrainedModel.scores

    def watched(samples: Samples, phase: str = "finetune") -> TrainedModel:
        starts.append(trainer.weights())
        learned.append(set(samples.windows))
        return finetune(samples, phase)

    def asking(self: TrainedModel, samples: Samples) -> Any:
        assert not learned[-1] & set(samples.windows)
        asked.extend(samples.windows)
        return scores(self, samples)

    monkeypatch.setattr(trainer, "finetune", watched)
    monkeypatch.setattr(TrainedModel, "scores", asking)
    found = calibrate(trainer, trained, known)
    assert sorted(asked) == sorted(known.windows)
    assert len(starts) == trainer.training.calibration.folds
    assert all(torch.equal(start[name], value) for start in starts for name, value in pretrained.items())
    assert found.temperature != 1.0
    assert found.losses == losses
    assert all(torch.equal(value, before[name]) for name, value in found.model.state_dict().items())
    assert not found.model.training


def test_the_stage_changes_how_sure_the_model_is_and_nothing_else(tmp_path: Path) -> None:
    calibrated = with_folds(bound_study(tmp_path / "with"), 3)
    plain = with_folds(bound_study(tmp_path / "without"), 0)
    summary = train(calibrated)
    train(plain)
    models = [load_model(study.model("multimodal")) for study in (calibrated, plain)]
    weights = {sha256_file(study.model("multimodal") / "model.safetensors") for study in (calibrated, plain)}
    assert len(weights) == 1
    value = read_json(calibrated.model("multimodal") / "card.json")["temperature"]
    assert value == models[0].temperature == read_json(calibrated.metrics("train"))["calibration_temperature"]
    assert value != 1
    assert f"calibration temperature {value:.2f}" in summary.lines()[1]
    assert models[1].temperature == 1
    sure, unsure = models[1].predict(target_samples(plain)), models[0].predict(target_samples(plain))
    assert np.array_equal(sure.argmax(axis=1), unsure.argmax(axis=1))
    assert unsure == pytest.approx(softmax(np.log(sure) / value), abs=1e-5)


def test_a_model_without_a_temperature_on_its_card_is_read_as_one_that_was_not_calibrated(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    train(study)
    card = study.model("multimodal") / "card.json"
    values = read_json(card)
    del values["temperature"]
    write_json(card, values)
    assert load_model(study.model("multimodal")).temperature == 1
    write_json(card, {**values, "temperature": 0.0})
    with pytest.raises(DataError, match=r"a temperature of 0\.0"):
        load_model(study.model("multimodal"))


def test_windows_whose_class_no_other_fold_has_are_not_asked(tmp_path: Path) -> None:
    """Each class has one label: no teacher can be right, so there is nothing to calibrate by."""
    study = bound_study(tmp_path / "study", ["walk", "sit", "run", *[None] * 9])
    train(study)
    assert load_model(study.model("multimodal")).temperature == 1
    study = bound_study(tmp_path / "more", ["walk", "sit", "sit", "sit", "run", "run", *[None] * 6])
    train(study)
    assert load_model(study.model("multimodal")).temperature != 1


def test_runs_of_the_harness_are_calibrated_where_asked_for_and_answer_the_same(tmp_path: Path) -> None:
    methods = {"methods": ["lower", "mmbind"], "seeds": [0]}
    plain = write_studied(tmp_path / "plain", evaluation=methods)
    asked = write_studied(tmp_path / "asked", evaluation={**methods, "calibrated": True})
    for one, other in zip(plan(plain).requests, plan(asked).requests, strict=True):
        before, after = perform(one), perform(other)
        assert one.key != other.key
        assert one.pretraining == other.pretraining
        assert before.answers.chosen == after.answers.chosen
        assert before.answers.confidence != after.answers.confidence
    folds = plain.params.training.model_copy(
        update={"calibration": plain.params.training.calibration.model_copy(update={"folds": 5})}
    )
    other = replace(plain, params=plain.params.model_copy(update={"training": folds}))
    assert [one.key for one in plan(other).requests] == [one.key for one in plan(plain).requests]

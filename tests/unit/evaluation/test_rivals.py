"""What each rival does before its labels, on tiny cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmbind.config import MethodName
from mmbind.encoders.store import EmbeddingStore
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods import METHODS
from mmbind.evaluation.methods.cmg import completed
from mmbind.evaluation.methods.dcm import two_views
from mmbind.evaluation.methods.decoders import Decoders, mean_error
from mmbind.evaluation.worker import SUPERVISED
from mmbind.study import Study
from mmbind.training.model import TrainedModel
from mmbind.training.samples import as_recorded, labelled
from mmbind.training.trainer import Trainer
from tests.unit.evaluation.studied import write_studied

RIVALS = ("unimodal", "mpm", "cmg", "dcm", "imagebind", "self_training")


def trainer_of(study: Study, name: MethodName, steps: int = 12, **options: Any) -> tuple[Trainer, Inputs, Any, Any]:
    inputs, method = Inputs(study, 0), METHODS[name]
    unlabelled, known = method.unlabelled(inputs), labelled(inputs.target)
    trainer = Trainer(
        training=method.settings(study.params.training),
        compute=study.params.compute,
        seed=0,
        modalities=inputs.modalities,
        classes=known.classes,
        seen=[known] if unlabelled is None else [unlabelled, known],
        steps=steps,
        **options,
    )
    return trainer, inputs, unlabelled, known


def train(study: Study, name: MethodName, steps: int = 12) -> TrainedModel:
    trainer, inputs, unlabelled, known = trainer_of(study, name, steps)
    return METHODS[name].train(trainer, inputs, unlabelled, known)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return write_studied(tmp_path_factory.mktemp("rivals"))


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_train_repeat_themselves_and_answer(study: Study, name: MethodName) -> None:
    model, again = train(study, name), train(study, name)
    test = as_recorded([Inputs(study, 0).test])
    answers = model.predict(test)
    assert answers.shape == (9, 3)
    assert np.array_equal(answers, again.predict(test))
    assert np.isfinite([loss for losses in model.losses.values() for loss in losses]).all()


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("lower", "self_training")])
def test_all_have_the_same_budget(study: Study, name: MethodName) -> None:
    """12 steps before the labels, in one phase or in two: epochs of 2 steps (27 samples, batches of 16)."""
    losses = train(study, name).losses
    assert sum(len(values) for phase, values in losses.items() if phase not in SUPERVISED) == 6


def test_dual_contrast_sums_what_is_present() -> None:
    z = torch.nn.functional.normalize(torch.tensor([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [1, 1]]]), dim=2)
    presence = torch.tensor([[True, True], [True, False], [True, False]])
    views, present = two_views(z, presence, 0)
    torch.testing.assert_close(views[0], z[0])
    torch.testing.assert_close(views[1, 0], torch.tensor([1.0, 1.0]) / 2**0.5)
    assert present.tolist() == [[True, True], [True, False]]


def test_generation_fills_what_is_missing_and_nothing_else(study: Study) -> None:
    trainer, inputs, unlabelled, _ = trainer_of(study, "cmg")
    decoders = Decoders(inputs.modalities, ["gyro", "mag"], trainer.model.size)
    whole = completed(unlabelled, trainer, trainer.model.encoders["acc"], decoders, "acc", ["gyro", "mag"])
    for name in ("acc", "gyro", "mag"):
        assert bool((whole.rows[name] >= 0).all())
        recorded = (unlabelled.rows[name] >= 0).nonzero().squeeze(1)
        before, after = unlabelled.batch(recorded).views[name], whole.batch(recorded).views[name]
        assert torch.equal(before, after)
    assert len(whole.signals["gyro"]) == len(whole)


def test_decoders_learn_to_reconstruct(study: Study) -> None:
    losses = train(study, "unimodal", steps=80).losses["pretrain"]
    assert losses[-1] < 0.8 * losses[0]
    generated = train(study, "cmg", steps=160).losses["generate"]
    assert generated[-1] < 0.8 * generated[0]


def test_the_error_counts_windows_of_all_modalities_alike() -> None:
    zero, one, two = torch.zeros(3, 2, 1), torch.ones(3, 2, 1), 2 * torch.ones(1, 4, 2)
    assert float(mean_error([(zero, one), (torch.zeros(1, 4, 2), two)])) == pytest.approx((3 * 1 + 1 * 4) / 4)
    assert float(mean_error([]).detach()) == 0


def test_the_frozen_encoder_is_not_moved_by_the_alignment(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, inputs, unlabelled, known = trainer_of(study, "imagebind")
    seen: dict[str, dict[str, torch.Tensor]] = {}
    run = trainer.run

    def watched(phase: str, *arguments: Any, **options: Any) -> None:
        run(phase, *arguments, **options)
        seen[phase] = {
            name: value.clone() for name, value in trainer.model.state_dict().items() if "num_batches" not in name
        }

    monkeypatch.setattr(trainer, "run", watched)
    METHODS["imagebind"].train(trainer, inputs, unlabelled, known)
    before, after = seen["pretrain_shared"], seen["align"]
    frozen = [name for name in before if name.startswith("encoders.acc.")]
    moved = [name for name in before if name.startswith(("encoders.gyro.", "encoders.mag."))]
    assert frozen
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert not all(torch.equal(before[name], after[name]) for name in moved)


def test_presence_bits_are_read_by_heads_and_classifier(study: Study) -> None:
    plain, told = (trainer_of(study, name)[0].model for name in ("mim", "mpm"))
    assert told.classifier.in_features == plain.classifier.in_features + 3
    assert told.heads["acc"][0].in_features == plain.heads["acc"][0].in_features + 3


def test_self_training_is_a_teacher_and_a_student(study: Study) -> None:
    losses = train(study, "self_training").losses
    assert set(losses) == {"teacher", "student"}


def test_the_paper_s_pairs_are_nearest_neighbours_of_the_embeddings(study: Study) -> None:
    inputs, paper, weighted = Inputs(study, 0), METHODS["mmbind_paper"], METHODS["mmbind_paper_weighted"]
    pairs, vectors = paper.pairs(inputs), {}
    for role in "AB":
        store = EmbeddingStore.open(study.embeddings(role))
        vectors |= dict(zip(store.ids, np.asarray(store.vectors), strict=True))
    roles = {window: role for role, store in inputs.unlabelled.items() for window in store.ids}
    for anchor, partner in pairs.select("anchor", "partner").iter_rows():
        others = [window for window in vectors if roles[window] != roles[anchor]]
        nearest = max(others, key=lambda window: float(vectors[anchor] @ vectors[window]))
        assert partner == nearest
    assert pairs["weight"].unique().to_list() == [1.0]
    samples = weighted.unlabelled(inputs)
    assert float(samples.weights.max()) < 1
    assert bool((samples.rows["gyro"] >= 0).all())


def test_the_paper_needs_its_own_embeddings(tmp_path: Path) -> None:
    aligned = {"modality": "acc", "encoder": "statistics", "schedule": {"epochs": 1}}
    assert "not those of the paper" in METHODS["mmbind_paper"].unavailable(
        Inputs(write_studied(tmp_path, shared=aligned), 0)
    )

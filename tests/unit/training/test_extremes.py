"""The extremes of a training: one window, one modality, one label a class, all labels, broken values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from mmbind.config import Compute, Schedule
from mmbind.errors import InputError, MmbindError
from mmbind.files import digest_folder, read_json
from mmbind.learning.samples import Samples
from mmbind.study import Study
from mmbind.training import train
from mmbind.windows.store import WindowStore
from tests.unit.training.test_train import bound_study, outputs
from tests.unit.training.test_trainer import CLASSES, SPECS, TRAINING, samples, trained


def changed(study: Study, **training: object) -> Study:
    values = yaml.safe_load((study.root / "params.yaml").read_text())
    values["training"] |= training
    (study.root / "params.yaml").write_text(yaml.safe_dump(values))
    return Study.load(study.root)


def some(of: Samples, positions: list[int]) -> Samples:
    """A few of some samples."""
    rows = {name: row[positions] for name, row in of.rows.items()}
    windows = [of.windows[position] for position in positions]
    return Samples(of.signals, rows, of.weights[positions], of.labels[positions], of.classes, windows)


@pytest.mark.parametrize("kind", ["cnn", "cnn_gru", "transformer"])
def test_pre_training_on_one_window_works(kind: str) -> None:
    network = TRAINING.network.model_copy(update={"kind": kind})
    training = TRAINING.model_copy(update={"network": network})
    model = trained(training=training, pretraining=some(samples(40, 2, labels=False), [7]))
    assert np.isfinite(model.losses["pretrain"]).all()
    assert np.isfinite(model.predict(samples(9, 3))).all()


def test_one_modality_works() -> None:
    only = {"acc": SPECS["acc"]}
    model = trained(modalities=only, pretraining=samples(40, 2, ("acc",), labels=False))
    assert model.losses["pretrain"] == [0.0] * 3  # no sample has two views: nothing to contrast
    test = samples(60, 3, ("acc",))
    assert float((model.predict(test).argmax(axis=1) == test.labels.numpy()).mean()) > 0.9


@pytest.mark.parametrize(
    ("labels", "count"),
    [
        (["walk", "sit", *[None] * 10], 2),
        (["walk", "sit"] * 6, 12),
        ([*["walk"] * 11, "sit"], 12),
    ],
    ids=["one label a class", "all labels", "eleven of one class, one of the other"],
)
def test_any_number_of_labels_from_one_a_class_on_works(tmp_path: Path, labels: list[str | None], count: int) -> None:
    study = bound_study(tmp_path / "study", labels)
    train(study)
    metrics = read_json(study.metrics("train"))
    assert (metrics["labels"], metrics["classes"]) == (count, 2)
    assert all(np.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("phase", ["pretrain", "finetune"])
@pytest.mark.parametrize("contrast", ["graph", "views"])
def test_a_loss_that_is_not_finite_names_the_windows_of_its_step_and_leaves_the_old_model(
    tmp_path: Path, phase: str, contrast: str
) -> None:
    study = changed(bound_study(tmp_path / "study"), contrast=contrast)
    train(study)
    before = outputs(study)
    wild = {"epochs": 30, "batch": 16, "learning_rate": 1e30}
    with pytest.raises(MmbindError, match=r"the loss is not finite in epoch \d+") as stopped:
        train(changed(study, **{phase: wild}))
    stores = [WindowStore.open(study.role(role), stage="assign") for role in ("A", "B", "target")]
    named = stopped.value.message.split("Windows of this step: ")[1].rstrip(".").split(", ")
    assert named
    assert set(named) <= {window for store in stores for window in store.ids}
    assert outputs(study) == before


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_broken_value_is_told_with_its_modality_and_window(tmp_path: Path, value: float) -> None:
    study = bound_study(tmp_path / "study")
    file = study.role("A") / "gyro" / "00000.npy"
    signals = np.load(file)
    signals[5, 3, 1] = value
    np.save(file, signals)
    window = WindowStore.open(study.role("A"), stage="assign").ids[5]
    with pytest.raises(InputError, match=f"'gyro' of the window {window!r} holds NaN or infinity"):
        train(study)
    assert not study.model("multimodal").exists()


def test_a_training_never_writes_into_the_windows(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    before = digest_folder(study.data / "roles")
    train(study)
    assert digest_folder(study.data / "roles") == before


def test_a_modality_that_no_window_has_stays_out_of_the_answers() -> None:
    model = trained(pretraining=samples(40, 2, ("acc", "gyro"), labels=False), modalities=SPECS)
    test = samples(6, 3)
    rows = test.rows | {"pose": torch.full((6,), -1)}
    without = Samples(test.signals, rows, test.weights, test.labels, CLASSES, test.windows)
    assert np.array_equal(model.predict(without), model.predict(samples(6, 3, ("acc", "gyro"))))


def test_batches_larger_than_the_data_work() -> None:
    large = TRAINING.model_copy(update={"finetune": Schedule(epochs=2, batch=4096)})
    assert len(trained(training=large, compute=Compute()).losses["finetune"]) == 2

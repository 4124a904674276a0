"""A training learns, repeats itself to the bit, and copes with every combination of modalities."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from mmbind.config import Augment, Compute, Network, Schedule, Training
from mmbind.errors import DataError, InputError, MmbindError
from mmbind.files import digest_folder, read_json, write_json
from mmbind.learning.samples import Samples
from mmbind.training.model import TrainedModel
from mmbind.training.model_file import load_model, save_model
from mmbind.training.trainer import Trainer, hide, refuse_too_few_classes
from mmbind.windows.store import ModalitySpec

SPECS = {
    "acc": ModalitySpec(16, ["x", "y", "z"], "m/s2", 8.0),
    "gyro": ModalitySpec(12, ["x", "y"], "rad/s", 6.0),
    "pose": ModalitySpec(8, ["x"], "m", 4.0),
}
TRAINING = Training(
    network=Network(width=8, features=12, projection=6, dropout=0.1),
    augment=Augment(scale=0.05, noise=0.05, shift=0.1),
    pretrain=Schedule(epochs=3, batch=16),
    finetune=Schedule(epochs=15, batch=8, learning_rate=3e-3),
    modality_dropout=0.3,
    checkpoint_every=2,
)
CLASSES = ["down", "still", "up"]


def samples(count: int, seed: int, names: tuple[str, ...] = tuple(SPECS), labels: bool = True) -> Samples:
    """Windows whose slope tells the class, in every modality."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.arange(count) % 3
    signals = {}
    for name in names:
        spec = SPECS[name]
        ramp = torch.linspace(-1, 1, spec.steps)[None, :, None] * (truth[:, None, None] - 1)
        noise = 0.2 * torch.randn(count, spec.steps, len(spec.channels), generator=generator)
        signals[name] = 5 + 3 * (ramp + noise)
    rows = {name: torch.arange(count) for name in names}
    known = truth if labels else torch.full((count,), -1)
    windows = [f"w{position}" for position in range(count)]
    return Samples(signals, rows, torch.ones(count), known, CLASSES if labels else [], windows)


def contrast_and_finetune(pretraining: Samples | None, finetuning: Samples, **options) -> TrainedModel:
    """The two phases that most methods have."""
    refuse_too_few_classes(finetuning)
    seen = [finetuning] if pretraining is None else [pretraining, finetuning]
    trainer = Trainer(classes=finetuning.classes, seen=seen, **options)
    if pretraining is not None:
        trainer.run("pretrain", pretraining, trainer.on(pretraining, trainer.contrast))
    return trainer.finetune(finetuning)


def trained(seed: int = 0, pretraining: Samples | None = None, **options) -> TrainedModel:
    arguments = {"training": TRAINING, "compute": Compute(), "modalities": SPECS, "work": None, "what": "test"}
    return contrast_and_finetune(pretraining, samples(18, 1), seed=seed, **(arguments | options))


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return trained(pretraining=samples(40, 2, labels=False))


def accuracy(model: TrainedModel, test: Samples) -> float:
    return float((model.predict(test).argmax(axis=1) == np.arange(len(test)) % 3).mean())


def test_it_learns_and_predicts_probabilities(model: TrainedModel) -> None:
    test = samples(60, 3, labels=False)
    probabilities = model.predict(test)
    assert probabilities.shape == (60, 3)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(60), abs=1e-5)
    assert accuracy(model, test) > 0.9
    assert model.classes == CLASSES
    assert {phase: len(losses) for phase, losses in model.losses.items()} == {"pretrain": 3, "finetune": 15}


@pytest.mark.parametrize("names", [("acc",), ("gyro",), ("acc", "pose"), ("gyro", "pose", "acc")])
def test_it_predicts_from_any_modalities(model: TrainedModel, names: tuple[str, ...]) -> None:
    assert accuracy(model, samples(60, 3, names, labels=False)) > 0.6


def test_a_modality_the_model_does_not_know_is_ignored() -> None:
    known = {name: SPECS[name] for name in ("acc", "gyro")}
    model = trained(modalities=known)
    with_pose, without = samples(9, 3), samples(9, 3, ("acc", "gyro"))
    assert np.array_equal(model.predict(with_pose), model.predict(without))


def test_a_window_without_any_known_modality_is_named() -> None:
    model = trained(modalities={"acc": SPECS["acc"]})
    with pytest.raises(InputError, match="'w0' has none of the modalities acc"):
        model.predict(samples(3, 3, ("gyro",)))


@settings(deadline=None, max_examples=10)
@given(junk=st.floats(-1e6, 1e6), flags=st.lists(st.booleans(), min_size=6, max_size=6))
def test_what_stands_at_absent_places_is_never_data(model: TrainedModel, junk: float, flags: list[bool]) -> None:
    test = samples(6, 3)
    presence = torch.tensor([[True] * 6, flags, [not flag for flag in flags]])
    network = model.model
    with torch.no_grad():
        scaled = network.scale(test.batch(torch.arange(6)).views)
        masks = dict(zip(network.names, presence, strict=True))
        filled = {name: torch.where(masks[name][:, None, None], view, junk) for name, view in scaled.items()}
        assert torch.equal(network.classify(filled, presence), network.classify(scaled, presence))


@pytest.mark.parametrize("kind", ["cnn_gru", "transformer"])
def test_other_kinds_of_encoders_learn_repeat_themselves_and_mask(kind: str, tmp_path: Path) -> None:
    network = TRAINING.network.model_copy(update={"kind": kind})
    finetune = TRAINING.finetune.model_copy(update={"epochs": 40})
    training = TRAINING.model_copy(update={"network": network, "finetune": finetune})
    model = trained(training=training, pretraining=samples(40, 2, labels=False))
    again = trained(training=training, pretraining=samples(40, 2, labels=False))
    assert again.losses == model.losses
    assert accuracy(model, samples(60, 3)) > 0.9
    test, masked = samples(6, 3), torch.tensor([[True] * 6, [False] * 6, [False] * 6])
    with torch.no_grad():
        scaled = model.model.scale(test.batch(torch.arange(6)).views)
        other = scaled | {name: torch.full_like(scaled[name], float("nan")) for name in ("gyro", "pose")}
        assert torch.equal(model.model.classify(other, masked), model.model.classify(scaled, masked))
    save_model(tmp_path / "m", model, {})
    loaded = load_model(tmp_path / "m")
    assert loaded.network.kind == kind
    assert np.array_equal(loaded.predict(test), model.predict(test))


def test_the_same_call_gives_the_same_bits_whatever_came_before(model: TrainedModel) -> None:
    torch.rand(3)
    again = trained(pretraining=samples(40, 2, labels=False))
    assert again.losses == model.losses
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.model.state_dict().values(), model.model.state_dict().values(), strict=True)
    )
    assert trained(seed=1).losses != trained(seed=0).losses


def test_a_run_stopped_in_either_phase_ends_in_the_same_bits(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmbind.training import trainer

    original, calls = trainer.augment, 0
    for stop in (18, 30, 60):  # three modalities: 9 steps of pre-training, 45 of fine-tuning

        def stopping(view, config, generator, stop=stop):
            nonlocal calls
            calls += 1
            if calls > stop:
                raise KeyboardInterrupt
            return original(view, config, generator)

        calls = 0
        monkeypatch.setattr(trainer, "augment", stopping)
        with pytest.raises(KeyboardInterrupt):
            trained(pretraining=samples(40, 2, labels=False), work=tmp_path / "work")
    monkeypatch.setattr(trainer, "augment", original)
    again = trained(pretraining=samples(40, 2, labels=False), work=tmp_path / "work")
    assert again.losses == model.losses
    assert np.array_equal(again.predict(samples(9, 3)), model.predict(samples(9, 3)))


def test_scalers_see_training_data_of_both_phases_only(model: TrainedModel) -> None:
    both = torch.cat([samples(40, 2).signals["acc"], samples(18, 1).signals["acc"]])
    state = model.model.state_dict()
    assert state["scalers.acc.mean"].numpy() == pytest.approx(both.mean(dim=(0, 1)).numpy(), rel=1e-5)
    assert state["scalers.acc.deviation"].numpy() == pytest.approx(both.flatten(0, 1).numpy().std(axis=0), rel=1e-5)


def test_centred_modalities_do_not_feel_an_offset() -> None:
    network = TRAINING.network.model_copy(update={"centred": ["pose"]})
    model = trained(training=TRAINING.model_copy(update={"network": network}))
    test = samples(9, 3, ("pose",))
    moved = Samples({"pose": test.signals["pose"] + 64}, test.rows, test.weights, test.labels, CLASSES, test.windows)
    assert model.predict(moved) == pytest.approx(model.predict(test), abs=1e-4)


def test_missing_views_and_whole_modalities_train_too() -> None:
    partly = samples(40, 2, ("acc", "gyro"), labels=False)
    rows = {"acc": torch.arange(40), "gyro": torch.where(torch.arange(40) < 20, torch.arange(40), -1)}
    gaps = Samples(partly.signals, rows, partly.weights, partly.labels, [], partly.windows)
    model = trained(pretraining=gaps)
    assert np.isfinite(model.losses["pretrain"]).all()
    assert accuracy(model, samples(60, 3)) > 0.9


def test_hiding_leaves_every_sample_something() -> None:
    presence = torch.rand(3, 500, generator=torch.Generator().manual_seed(1)) < 0.7
    kept = hide(presence, 0.6, torch.Generator().manual_seed(0))
    assert not (kept & ~presence).any()
    assert torch.equal(kept.any(dim=0), presence.any(dim=0))
    assert 0.4 < float(kept.sum() / presence.sum()) < 0.9
    assert hide(presence, 0.0, torch.Generator()) is presence


def test_one_class_or_missing_labels_are_refused() -> None:
    labels = samples(4, 1)
    one = Samples(labels.signals, labels.rows, labels.weights, torch.ones(4).long(), CLASSES, labels.windows)
    with pytest.raises(InputError, match="all 4 labels are 'still'"):
        contrast_and_finetune(
            None, one, training=TRAINING, compute=Compute(), seed=0, modalities=SPECS, work=None, what="x"
        )
    with pytest.raises(InputError, match="labelled samples"):
        contrast_and_finetune(
            None,
            samples(4, 1, labels=False),
            training=TRAINING,
            compute=Compute(),
            seed=0,
            modalities=SPECS,
            work=None,
            what="x",
        )


def test_divergence_names_the_windows() -> None:
    huge = TRAINING.model_copy(update={"finetune": Schedule(epochs=30, batch=8, learning_rate=1e30)})
    with pytest.raises(MmbindError, match=r"test: finetune: the loss is not finite .* Windows of this step: w\d+"):
        trained(training=huge)


def test_a_saved_model_predicts_the_same_and_has_the_same_bytes(model: TrainedModel, tmp_path: Path) -> None:
    save_model(tmp_path / "a", model, {"binding": "b1"})
    save_model(tmp_path / "b", model, {"binding": "b1"})
    loaded = load_model(tmp_path / "a")
    test = samples(9, 3)
    assert digest_folder(tmp_path / "a") == digest_folder(tmp_path / "b")
    assert np.array_equal(loaded.predict(test), model.predict(test))
    assert (loaded.classes, loaded.losses, loaded.modalities) == (model.classes, model.losses, model.modalities)
    assert read_json(tmp_path / "a" / "card.json")["binding"] == "b1"


def test_a_foreign_card_is_refused(model: TrainedModel, tmp_path: Path) -> None:
    save_model(tmp_path / "m", model, {})
    card = read_json(tmp_path / "m" / "card.json")
    write_json(tmp_path / "m" / "card.json", {name: card[name] for name in ("classes", "format", "weights")})
    with pytest.raises(DataError, match="no card of a multimodal model"):
        load_model(tmp_path / "m")


def test_bfloat16_learns_repeats_itself_and_answers_in_float32() -> None:
    half = {"compute": Compute(precision="bfloat16"), "pretraining": samples(40, 2, labels=False)}
    model, again = trained(**half), trained(**half)
    test = samples(60, 3, labels=False)
    assert model.predict(test).dtype == np.float32
    assert np.array_equal(model.predict(test), again.predict(test))
    assert not np.array_equal(model.predict(test), trained(pretraining=half["pretraining"]).predict(test))
    assert accuracy(model, test) > 0.8
    assert all(value.dtype == torch.float32 for value in model.model.parameters())

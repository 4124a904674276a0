"""The exported model answers as torch does, on every subset of modalities, whatever stands at absent places."""

from __future__ import annotations

import importlib
import json
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from mmbind.cli import main
from mmbind.config import Augment, Compute, Network, Schedule, Training
from mmbind.errors import InputError, MissingStageError
from mmbind.files import sha256_file
from mmbind.inference.onnx_export import export_onnx, run
from mmbind.learning.samples import Samples
from mmbind.learning.scaling import Scaler
from mmbind.study import Study
from mmbind.training.model import TrainedModel
from mmbind.training.model_file import load_model, save_model
from mmbind.training.network import MultimodalModel
from mmbind.training.samples import labelled
from mmbind.training.trainer import Trainer
from mmbind.windows.store import ModalitySpec, WindowStore


def fresh(study: Study, folder: Path, **network: object) -> Path:
    """A model of another kind, barely trained (so that batch normalisation has seen data)."""
    known = labelled(WindowStore.open(study.windows("s"), stage="window"))
    sizes = study.params.training.network.model_copy(update=network)
    schedule = Schedule(epochs=2, batch=16)
    training = Training(network=sizes, augment=Augment(), pretrain=schedule, finetune=schedule)
    modalities = WindowStore.open(study.windows("s"), stage="window").modalities
    trainer = Trainer(
        training=training, compute=Compute(), seed=1, modalities=modalities, classes=known.classes, seen=[known]
    )
    save_model(folder, trainer.finetune(known), {})
    return folder


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"presence_bits": True, "centred": ["mag"]},
        {"kind": "cnn_gru"},
        {"kind": "transformer"},
    ],
    ids=["cnn", "presence bits", "cnn_gru", "transformer"],
)
def test_it_agrees_with_torch_on_every_subset(study: Study, tmp_path: Path, network: dict[str, object]) -> None:
    folder = fresh(study, tmp_path / "m", **network)
    exported = export_onnx(study, tmp_path / "model.onnx", model=folder)
    assert exported.subsets == 7
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
    trained = load_model(folder)
    store = WindowStore.open(study.windows("s"), stage="window")
    names, session = trained.model.names, onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    signals = {name: store.gather(name)[:11] for name in names}
    for mask in product((True, False), repeat=3):
        if not any(mask):
            continue
        rows = {
            name: torch.arange(11) if here else torch.full((11,), -1) for name, here in zip(names, mask, strict=True)
        }
        tensors = {name: torch.from_numpy(view) for name, view in signals.items()}
        samples = Samples(tensors, rows, torch.ones(11), torch.full((11,), -1), [], store.ids[:11])
        found = run(session, signals, np.array([mask] * 11))
        assert found == pytest.approx(trained.predict(samples), abs=1e-5)
        other = {
            n: view if here else np.full_like(view, np.nan)
            for (n, view), here in zip(signals.items(), mask, strict=True)
        }
        assert np.array_equal(run(session, other, np.array([mask] * 11)), found)


@pytest.mark.parametrize("kind", ["cnn", "cnn_gru", "transformer"])
def test_windows_of_any_length_can_be_exported(study: Study, tmp_path: Path, kind: str) -> None:
    specs = {
        "acc": ModalitySpec(100, ["x", "y", "z"], "m/s2", 25.0),
        "gyro": ModalitySpec(7, ["x"], "rad/s", 2.0),
        "pose": ModalitySpec(2, ["x", "y"], "m", None),
    }
    torch.manual_seed(0)
    network = Network(kind=kind, width=8, features=12, projection=6)
    scalers = {name: Scaler.identity(len(spec.channels)) for name, spec in specs.items()}
    model = MultimodalModel(specs, 4, network, scalers).eval()
    save_model(tmp_path / "m", TrainedModel(model, specs, network, list("abcd"), {}, temperature=2.5), {})
    assert export_onnx(study, tmp_path / "model.onnx", model=tmp_path / "m").difference < 1e-5


def test_the_file_says_what_it_is_and_has_the_same_bytes(study: Study, tmp_path: Path) -> None:
    first, second = tmp_path / "one.onnx", tmp_path / "deeper" / "two.onnx"
    export_onnx(study, first)
    export_onnx(study, second)
    assert first.read_bytes() == second.read_bytes()
    assert b"/mmbind/" not in first.read_bytes()
    told = {entry.key: entry.value for entry in onnx.load(first).metadata_props}
    assert json.loads(told["classes"]) == ["run", "walk"]
    assert list(json.loads(told["modalities"])) == ["acc", "gyro"]
    assert told["weights_sha256"] == sha256_file(study.model("multimodal") / "model.safetensors")


def test_the_command_says_what_it_wrote(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export-onnx", "--study", str(study.root), "-o", str(tmp_path / "model.onnx")])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "acc (windows, 32, 3) in m/s2" in out
    assert "agrees with torch on 3 subsets" in out


def test_what_is_missing_is_named(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"must end in \.onnx"):
        export_onnx(study, tmp_path / "model.bin")
    untrained = Study(tmp_path, study.params, tmp_path / "data")
    with pytest.raises(MissingStageError, match="train"):
        export_onnx(untrained, tmp_path / "model.onnx")
    original = importlib.import_module

    def without(name: str, package: str | None = None) -> object:
        if name == "onnxscript":
            raise ImportError(name)
        return original(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(InputError, match=r"'onnxscript' is not installed\. .*pip install .*\[onnx\]"):
        export_onnx(study, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()

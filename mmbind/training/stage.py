"""The stage train: MMBind's model from pairs and few labels."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import polars as pl

from mmbind.config import TARGET
from mmbind.errors import MissingStageError
from mmbind.files import digest_folder, read_json, write_json, write_text
from mmbind.learning.checkpoint import work_name
from mmbind.learning.samples import Samples
from mmbind.study import Study
from mmbind.training.model import TrainedModel
from mmbind.training.model_file import save_model
from mmbind.training.recipe import pretrain_and_finetune
from mmbind.training.samples import labelled, modalities_of, pseudo_paired
from mmbind.windows.store import WindowStore


@dataclass(frozen=True)
class TrainSummary:
    """What train did.

    Attributes:
        metrics: as written to ``metrics/train.json``.
        modalities: those of the model.
    """

    metrics: dict[str, float | int]
    modalities: list[str]

    def lines(self) -> list[str]:
        """A short text for people."""
        metrics = self.metrics
        return [
            f"{metrics['pseudo_pairs']} pseudo pairs (mean weight {metrics['mean_weight']:.2f}) and "
            f"{metrics['labels']} labels of {metrics['classes']} classes; {', '.join(self.modalities)}",
            f"loss {metrics['pretrain_loss']:.3f} after pre-training, {metrics['finetune_loss']:.3f} after fine-tuning",
        ]


def train(study: Study) -> TrainSummary:
    """Pre-trains on the pseudo pairs of the unlabelled roles, fine-tunes on the target's labels.

    Reads the bindings and the role stores but test; never truth. Writes
    ``models/multimodal/``, ``metrics/train.json`` and ``plots/training.csv``. Killed and run
    again, it goes on from its last checkpoint to the same bytes.

    Args:
        study: its parameters ``training``, ``compute`` and ``roles``.

    Raises:
        MissingStageError: when assign or bind has not run.
        InputError: when the pairs are stale, or fewer than two classes have labels.
        MmbindError: when training diverges.
    """
    params = study.params
    stores = [WindowStore.open(study.role(name), stage="assign") for name in params.unlabelled_roles]
    target = WindowStore.open(study.role(TARGET), stage="assign")
    for needed in ("pairs.parquet", "manifest.json"):
        if not (study.bindings / needed).is_file():
            raise MissingStageError(study.bindings / needed, "bind")
    binding = read_json(study.bindings / "manifest.json")["id"]
    pretraining = pseudo_paired(stores, pl.read_parquet(study.bindings / "pairs.parquet"))
    finetuning = labelled(target)
    inputs = training_inputs(study)
    work = study.work(
        work_name(
            "train",
            params.training.model_dump(),
            params.compute.model_dump(),
            inputs,
        )
    )
    trained = pretrain_and_finetune(
        pretraining,
        finetuning,
        training=params.training,
        compute=params.compute,
        seed=params.training.seed,
        modalities=modalities_of([*stores, target]),
        work=work,
        what="train",
    )
    metrics = _metrics(trained, pretraining, finetuning)
    about = {
        "binding": binding,
        "compute": params.compute.model_dump(),
        "inputs": inputs,
        "training": params.training.model_dump(),
    }
    save_model(study.model("multimodal"), trained, about)
    write_json(study.metrics("train"), metrics)
    write_text(study.plots("training"), _curve(trained).write_csv())
    shutil.rmtree(work, ignore_errors=True)
    return TrainSummary(metrics, list(trained.modalities))


def training_inputs(study: Study) -> dict[str, str]:
    """SHA-256 of every folder that train reads, by its name; the model's card holds them."""
    roles = [*study.params.unlabelled_roles, TARGET]
    return {"bindings": digest_folder(study.bindings), **{name: digest_folder(study.role(name)) for name in roles}}


def _metrics(trained: TrainedModel, pretraining: Samples, finetuning: Samples) -> dict[str, float | int]:
    return {
        "classes": len(trained.classes),
        "finetune_loss": trained.losses["finetune"][-1],
        "labels": len(finetuning),
        "mean_weight": float(pretraining.weights.double().mean()),
        "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
        "pretrain_loss": trained.losses["pretrain"][-1],
        "pseudo_pairs": len(pretraining),
    }


def _curve(trained: TrainedModel) -> pl.DataFrame:
    rows = [
        {"phase": phase, "epoch": epoch, "loss": loss}
        for phase in ("pretrain", "finetune")
        for epoch, loss in enumerate(trained.losses[phase], start=1)
    ]
    return pl.DataFrame(rows, schema={"phase": pl.String, "epoch": pl.Int64, "loss": pl.Float64})

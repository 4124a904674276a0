"""The stage train: MMBind's model from pairs and few labels."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import polars as pl
import torch

from mmbind import __version__
from mmbind.config import TARGET
from mmbind.errors import MissingStageError
from mmbind.files import digest_folder, digest_of, read_json, write_json, write_text
from mmbind.learning.checkpoint import work_name
from mmbind.learning.compute import resolved
from mmbind.learning.processes import agree, leads, wait_for_all
from mmbind.study import Study
from mmbind.training.calibration import calibrate
from mmbind.training.model import TrainedModel
from mmbind.training.model_file import save_model
from mmbind.training.recipe import train_on_pairs
from mmbind.training.samples import as_recorded, labelled, modalities_of
from mmbind.training.trainer import Trainer
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
        losses = {name.removesuffix("_loss"): value for name, value in metrics.items() if name.endswith("_loss")}
        return [
            f"{metrics['pseudo_pairs']} pseudo pairs (mean weight {metrics['mean_weight']:.2f}) and "
            f"{metrics['labels']} labels of {metrics['classes']} classes; {', '.join(self.modalities)}",
            "loss at the end: "
            + ", ".join(f"{phase} {loss:.3f}" for phase, loss in losses.items())
            + f"; calibration temperature {metrics['calibration_temperature']:.2f}",
        ]


def train(study: Study) -> TrainSummary:
    """Trains mmbind's model (see :mod:`mmbind.training.recipe`) on the binding and the target's labels.

    Reads the bindings and the role stores but test; never truth. Writes
    ``models/multimodal/``, ``metrics/train.json`` and ``plots/training.csv``. Killed and run
    again, it goes on from its last checkpoint to the same bytes. Of processes that train together
    (:mod:`mmbind.learning.processes`) one writes.

    Args:
        study: its parameters ``training``, ``compute`` and ``roles``.

    Raises:
        MissingStageError: when assign or bind has not run.
        InputError: when the pairs are stale, or fewer than two classes have labels.
        MmbindError: when training diverges, or processes do not agree on what is trained.
    """
    params = study.params
    stores = [WindowStore.open(study.role(name), stage="assign") for name in params.unlabelled_roles]
    target = WindowStore.open(study.role(TARGET), stage="assign")
    for needed in ("pairs.parquet", "manifest.json"):
        if not (study.bindings / needed).is_file():
            raise MissingStageError(study.bindings / needed, "bind")
    binding = read_json(study.bindings / "manifest.json")["id"]
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    windows, known = as_recorded(stores), labelled(target)
    inputs, compute = training_inputs(study), resolved(params.compute)
    agree([params.training.model_dump(), compute, inputs], "data and parameters")
    work = study.work(
        work_name(
            "train",
            params.training.model_dump(),
            compute,
            inputs,
        )
    )
    trainer = Trainer(
        training=params.training,
        compute=params.compute,
        seed=params.training.seed,
        modalities=modalities_of([*stores, target]),
        classes=known.classes,
        seen=[windows, as_recorded([target])],
        work=work,
        what="train",
    )
    trained = calibrate(trainer, train_on_pairs(trainer, stores, target, pairs, known), known)
    metrics = _metrics(trained, pairs, len(known))
    about = {
        "binding": binding,
        "compute": compute,
        "data": digest_of(inputs),
        "inputs": inputs,
        "metrics": metrics,
        "software": versions(),
        "training": params.training.model_dump(),
    }
    wait_for_all()
    if leads():
        save_model(study.model("multimodal"), trained, about)
        write_json(study.metrics("train"), metrics)
        write_text(study.plots("training"), _curve(trained).write_csv())
        shutil.rmtree(work, ignore_errors=True)
    return TrainSummary(metrics, list(trained.modalities))


def versions() -> dict[str, str]:
    """Versions that the model's card holds."""
    return {"mmbind": __version__, "torch": torch.__version__}


def training_inputs(study: Study) -> dict[str, str]:
    """SHA-256 of every folder that train reads, by its name; the model's card holds them."""
    roles = [*study.params.unlabelled_roles, TARGET]
    return {"bindings": digest_folder(study.bindings), **{name: digest_folder(study.role(name)) for name in roles}}


def _metrics(trained: TrainedModel, pairs: pl.DataFrame, labels: int) -> dict[str, float | int]:
    return {
        "classes": len(trained.classes),
        "labels": labels,
        "mean_weight": float(pairs["weight"].to_numpy().mean()),
        "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
        "pseudo_pairs": pairs.height,
        "calibration_temperature": trained.temperature,
        **{f"{phase}_loss": losses[-1] for phase, losses in trained.losses.items()},
    }


def _curve(trained: TrainedModel) -> pl.DataFrame:
    rows = [
        {"phase": phase, "epoch": epoch, "loss": loss}
        for phase, losses in trained.losses.items()
        for epoch, loss in enumerate(losses, start=1)
    ]
    return pl.DataFrame(rows, schema={"phase": pl.String, "epoch": pl.Int64, "loss": pl.Float64})

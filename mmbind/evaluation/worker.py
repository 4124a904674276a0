"""One run of the harness: pre-train, fine-tune, answer the test windows once."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from mmbind.config import Params
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods import METHODS
from mmbind.evaluation.runs import Request, Run
from mmbind.learning.checkpoint import CARD, read_card
from mmbind.learning.compute import deterministic
from mmbind.study import Study
from mmbind.training.model_file import load_model
from mmbind.training.recipe import TrainedModel, pretrain_and_finetune
from mmbind.training.samples import as_recorded, labelled
from mmbind.training.stage import training_inputs


def epochs_for(steps: int, samples: int, batch: int) -> int:
    """The number of epochs (at least 1) that comes nearest to a number of steps."""
    return max(1, round(steps / steps_per_epoch(samples, batch)))


def steps_per_epoch(samples: int, batch: int) -> int:
    """Optimisation steps of one epoch; the last batch may be smaller."""
    return max(1, math.ceil(samples / batch))


def perform(request: Request) -> Run:
    """Trains one method with one seed, or takes the run that is kept.

    The answers depend on the request alone, not on the process or on what it did before.

    Args:
        request: what to train.

    Raises:
        MissingStageError: before ``assign`` or ``bind`` was run.
    """
    params = Params.model_validate_json(request.params)
    study = Study(root=Path(request.root), params=params, data=Path(request.data))
    folder = study.work(request.key)
    if (kept := Run.load(folder)) is not None:
        return kept
    deterministic(params.compute, request.seed)  # also where a finished model only answers
    inputs = Inputs(study, request.seed)
    model, samples, epochs = _train(inputs, request, folder / "training")
    asked = as_recorded([inputs.test])
    best = model.predict(asked).argmax(axis=1).tolist()
    answers = {window: model.classes[number] for window, number in zip(asked.windows, best, strict=True)}
    run = Run(request.method, request.seed, samples, epochs, [answers[window] for window in inputs.test.ids])
    run.save(folder)
    shutil.rmtree(folder / "training", ignore_errors=True)
    return run


def _train(inputs: Inputs, request: Request, work: Path) -> tuple[TrainedModel, int, int]:
    """The model of a run, and the samples and epochs of its pre-training."""
    params = inputs.study.params
    pretraining = METHODS[request.method].pretraining_samples(inputs)
    training, epochs, samples = params.training, 0, 0
    if pretraining is not None:
        samples = len(pretraining)
        epochs = epochs_for(request.steps, samples, training.pretrain.batch)
        schedule = training.pretrain.model_copy(update={"epochs": epochs})
        training = training.model_copy(update={"pretrain": schedule})
    if request.method == "mmbind" and (trained := trained_by_stage(inputs)) is not None:
        return trained, samples, epochs
    model = pretrain_and_finetune(
        pretraining,
        labelled(inputs.target),
        training=training,
        compute=params.compute,
        seed=request.seed,
        modalities=inputs.modalities,
        work=work,
        what=f"{request.method}, seed {request.seed}",
    )
    return model, samples, epochs


def trained_by_stage(inputs: Inputs) -> TrainedModel | None:
    """The model that the stage ``train`` left, when it is the one that a run would train.

    Args:
        inputs: the stores and the seed of the run of the method ``mmbind``.

    Returns:
        None when there is none, or it was made with another seed, other parameters or of
        other inputs.
    """
    study = inputs.study
    path, params = study.model("multimodal"), study.params
    if inputs.seed != params.training.seed or not (path / CARD).is_file():
        return None
    card = read_card(path)
    same = (
        card.get("training") == params.training.model_dump(mode="json")
        and card.get("compute") == params.compute.model_dump(mode="json")
        and card.get("inputs") == training_inputs(study)
    )
    return load_model(path) if same else None

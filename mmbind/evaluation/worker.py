"""One run of the harness: pre-train, fine-tune, answer the test windows once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from mmbind.config import Params
from mmbind.evaluation.answers import answer
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.leakage import refuse_leakage
from mmbind.evaluation.methods import METHODS
from mmbind.evaluation.runs import Request, Run
from mmbind.learning.checkpoint import CARD, read_card
from mmbind.learning.compute import deterministic, prepared_device, resolved
from mmbind.study import Study
from mmbind.training.calibration import calibrate
from mmbind.training.model import TrainedModel
from mmbind.training.model_file import load_model
from mmbind.training.samples import as_recorded, labelled
from mmbind.training.stage import training_inputs, versions
from mmbind.training.trainer import Trainer

#: How the names of phases begin that learn from labels or from answers.
SUPERVISED = ("finetune", "teacher", "student")


def perform(request: Request) -> Run:
    """Trains one method with one seed, or takes the run that is kept.

    The answers depend on the request alone, not on the process or on what it did before.

    Args:
        request: what to train.

    Raises:
        MissingStageError: before ``assign`` or ``bind`` was run.
        LeakageError: when training and test share a person, a recording or a window.
    """
    params = Params.model_validate_json(request.params)
    study = Study(root=Path(request.root), params=params, data=Path(request.data))
    folder = study.work(request.key)
    if (kept := Run.load(folder)) is not None:
        return kept
    deterministic(params.compute, request.seed)  # also where a finished model only answers
    inputs = Inputs(study, request.seed)
    refuse_leakage(inputs)
    model, samples, epochs = _train(inputs, request, folder / "training")
    answers = answer(model, inputs.test)
    predicted = [answers.classes[number] for number in answers.complete]
    run = Run(request.method, request.seed, samples, epochs, predicted, answers)
    run.save(folder)
    shutil.rmtree(folder / "training", ignore_errors=True)
    return run


def _train(inputs: Inputs, request: Request, work: Path) -> tuple[TrainedModel, int, int]:
    """The model of a run, and the samples and epochs that came before its labels."""
    params, method = inputs.study.params, METHODS[request.method]
    unlabelled, known = method.unlabelled(inputs), labelled(inputs.target)
    trained = trained_by_stage(inputs) if request.method == "mmbind" else None
    if trained is None:
        trainer = Trainer(
            training=method.settings(params.training),
            compute=params.compute,
            seed=request.seed,
            modalities=inputs.modalities,
            classes=known.classes,
            seen=[known] if unlabelled is None else [unlabelled, as_recorded([inputs.target])],
            steps=request.steps,
            work=work,
            pretrained=inputs.study.work(request.pretraining),
            what=f"{request.method}, seed {request.seed}",
        )
        trained = method.train(trainer, inputs, unlabelled, known)
        if params.evaluation.calibrated:
            trained = calibrate(trainer, trained, known)
    epochs = sum(len(losses) for phase, losses in trained.losses.items() if not phase.startswith(SUPERVISED))
    return trained, 0 if unlabelled is None else len(unlabelled), epochs


def trained_by_stage(inputs: Inputs) -> TrainedModel | None:
    """The model that the stage ``train`` left, when it is the one that a run would train.

    Args:
        inputs: the stores and the seed of the run of the method ``mmbind``.

    Returns:
        None when there is none, or it was made with another seed, other parameters, of other inputs or
        by another version of mmbind or torch; nor where pre-training walks over pairs, of which the
        stage sees all as often as the harness sees the windows.
    """
    study = inputs.study
    path, params = study.model("multimodal"), study.params
    if params.training.contrast == "views" or inputs.seed != params.training.seed or not (path / CARD).is_file():
        return None
    card = read_card(path)
    same = (
        card.get("training") == params.training.model_dump(mode="json")
        and card.get("compute") == resolved(params.compute)
        and card.get("inputs") == training_inputs(study)
        and card.get("software") == versions()
    )
    if not same:
        return None
    trained = load_model(path)
    trained.model.to(prepared_device(params.compute))
    return trained if params.evaluation.calibrated else replace(trained, temperature=1.0)

"""Trains on the CPU and on a pretended device and prints what came out; a program of its own, since a device stays.

    python -m tests.unit.training.on_pretended STUDY

Prints a JSON object: by method, and by what else may go wrong on another device, where the model lies, whether losses
and temperature are those of the CPU, and the largest difference of an answer; and what is refused, and how.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch

from mmbind.config import MethodName
from mmbind.errors import InputError
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods import METHODS
from mmbind.study import Study
from mmbind.training import trainer
from mmbind.training.calibration import calibrate
from mmbind.training.model import TrainedModel
from mmbind.training.samples import as_recorded
from tests.unit.evaluation.test_rivals import trainer_of
from tests.unit.training.pretend_device import pretend

#: Steps after which a training is broken off.
STEPS = 7
Trained = tuple[TrainedModel, np.ndarray]


def trained(study: Study, name: MethodName = "mmbind", *, half: bool = False, **options: Any) -> Trained:
    """A model of a method, and its answers; off the CPU perhaps in half precision, where the device casts nothing."""
    made, inputs, unlabelled, known = trainer_of(study, name, steps=4, **options)
    made.model.half_precision = half and made.model.device.type != "cpu"
    model = calibrate(made, METHODS[name].train(made, inputs, unlabelled, known), known)
    return model, model.predict(as_recorded([inputs.test]))


def two_rounds(study: Study) -> Trained:
    """A second student, by windows that are joined by the features of the first."""
    training = study.params.training
    propagation = training.propagation.model_copy(update={"learned": 2})
    student = training.student.model_copy(update={"rounds": 2})
    changed = training.model_copy(update={"propagation": propagation, "student": student, "propagate": True})
    return trained(replace(study, params=study.params.model_copy(update={"training": changed})))


def resumed(study: Study) -> Trained:
    """A training that is broken off, and goes on from a checkpoint; its pre-training is taken from a folder."""
    left, views = STEPS, trainer.Trainer.views

    def counted(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return views(*arguments)

    with tempfile.TemporaryDirectory() as name:
        folders = {"work": Path(name) / "work", "pretrained": Path(name) / "pretrained"}
        with patch.object(trainer.Trainer, "views", counted), pytest.raises(KeyboardInterrupt):
            trained(study, **folders)
        return trained(study, **folders)


def refused(study: Study, model: TrainedModel) -> list[str]:
    """What a model says to a batch that lies on the CPU, and to a window without any of its modalities."""
    test, said = as_recorded([Inputs(study, 0).test]), []
    batch = test.batch(torch.arange(2))
    blind = replace(test, rows={name: torch.full_like(rows, -1) for name, rows in test.rows.items()})
    calls: list[Callable[[], object]] = [
        lambda: model.model.classify(model.model.scale(batch.views), model.model.presence(batch.present)),
        lambda: model.predict(blind),
    ]
    for call in calls:
        try:
            call()
        except (RuntimeError, InputError) as error:
            said.append(str(error))
    return said


def main() -> None:
    """Trains everything twice."""
    device = pretend()  # before the first gradient
    study = Study.load(Path(sys.argv[1]))
    cases: dict[str, Callable[[Study], Trained]] = {
        **{name: lambda study, name=name: trained(study, name) for name in METHODS},
        "two_rounds": two_rounds,
        "resumed": resumed,
        "in_half_precision": lambda study: trained(study, half=True),
    }
    expected = {name: call(study) for name, call in cases.items()}
    trainer.prepared_device = lambda compute: device
    found: dict[str, object] = {}
    for name, (model, answers) in expected.items():
        other, others = cases[name](study)
        same = (other.losses, other.temperature) == (model.losses, model.temperature)
        found[name] = [other.model.device.type, same, float(np.abs(others - answers).max())]
    found["refused"] = refused(study, other)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

"""Trains on the CPU and on a pretended device and prints what came out; a program of its own, since a device stays.

    python -m tests.unit.training.on_pretended STUDY

Prints a JSON object: by method, where its model lies, whether losses and temperature are those of the CPU, and the
largest difference of an answer; and what a model there says to a batch of the CPU.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

from mmbind.config import MethodName
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods import METHODS
from mmbind.study import Study
from mmbind.training import trainer
from mmbind.training.calibration import calibrate
from mmbind.training.model import TrainedModel
from mmbind.training.samples import as_recorded
from tests.unit.evaluation.test_rivals import trainer_of
from tests.unit.training.pretend_device import pretend


def trained(study: Study, name: MethodName) -> tuple[TrainedModel, np.ndarray]:
    """A model of a method, and its answers."""
    made, inputs, unlabelled, known = trainer_of(study, name, steps=4)
    model = calibrate(made, METHODS[name].train(made, inputs, unlabelled, known), known)
    return model, model.predict(as_recorded([inputs.test]))


def main() -> None:
    """Trains all methods twice."""
    device = pretend()  # before the first gradient
    study = Study.load(Path(sys.argv[1]))
    expected = {name: trained(study, name) for name in METHODS}
    trainer.device_of = lambda compute: device
    found: dict[str, object] = {}
    for name, (model, answers) in expected.items():
        other, others = trained(study, name)
        same = (other.losses, other.temperature) == (model.losses, model.temperature)
        found[name] = [other.model.device.type, same, float(np.abs(others - answers).max())]
    batch = as_recorded([Inputs(study, 0).test]).batch(torch.arange(2))
    try:
        other.model.classify(other.model.scale(batch.views), other.model.presence(batch.present))
    except RuntimeError as error:
        found["refused"] = str(error)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

"""MMBind: what the stage ``train`` does."""

from __future__ import annotations

from mmbind.config import MethodName
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Reading
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.learning.samples import Samples
from mmbind.training.model import TrainedModel
from mmbind.training.recipe import train_on_pairs
from mmbind.training.trainer import Trainer


class MMBind(Incomplete):
    """The study's binding and mmbind's recipe (:mod:`mmbind.training.recipe`)."""

    name: MethodName = "mmbind"
    reads: tuple[Reading, ...] = ("roles", "bindings")

    def train(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples | None, labelled: Samples) -> TrainedModel:
        """The recipe on the study's pairs."""
        return train_on_pairs(trainer, list(inputs.unlabelled.values()), inputs.target, inputs.pairs, labelled)

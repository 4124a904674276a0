"""Self-training without binding: a teacher's answers on the unlabelled windows train a student."""

from __future__ import annotations

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.learning.samples import Samples
from mmbind.training.model import TrainedModel
from mmbind.training.recipe import pseudo_labelled
from mmbind.training.student import teach
from mmbind.training.trainer import Trainer


class SelfTraining(Incomplete):
    """The strong rival: semi-supervised, and knows nothing of pairs.

    D.-H. Lee, "Pseudo-label", ICML workshop 2013. Teacher and student start at random; both
    phases and the class prior are those of MMBind's own recipe, without its graph.
    """

    name = "self_training"

    def train(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples | None, labelled: Samples) -> TrainedModel:
        """Teacher, pseudo-labels, student."""
        if unlabelled is None:
            raise TypeError("the unlabelled windows are missing")
        own = trainer.training.student.own_windows
        return teach(trainer, pseudo_labelled(unlabelled, inputs.target, own), labelled, graph=None)

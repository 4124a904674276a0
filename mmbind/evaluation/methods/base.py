"""What a method of the harness is.

Networks, augmentation, fine-tuning, labels and the number of optimisation steps before
fine-tuning are the same for all of them; what they do in these steps is their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from mmbind.config import MethodName, Training
from mmbind.evaluation.inputs import Inputs
from mmbind.learning.samples import Samples
from mmbind.training.model import TrainedModel
from mmbind.training.trainer import Trainer

#: A folder of the study that a method reads beside target and test.
Reading = Literal["roles", "embeddings", "bindings", "truth"]


class Method(ABC):
    """A rival, one file each.

    Attributes:
        name: as in ``evaluation.methods``.
        reads: the folders that it depends on.
    """

    name: MethodName
    reads: tuple[Reading, ...] = ()

    def unavailable(self, inputs: Inputs) -> str:
        """Why the study does not allow this method; empty when it does."""
        return ""

    def settings(self, training: Training) -> Training:
        """The study's settings with what the method needs otherwise."""
        return training

    @abstractmethod
    def unlabelled(self, inputs: Inputs) -> Samples | None:
        """What it learns from before the labels, whose windows scale the model; None for nothing."""

    @abstractmethod
    def train(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples | None, labelled: Samples) -> TrainedModel:
        """Trains the model.

        Args:
            trainer: the network and its budget.
            inputs: the study's stores.
            unlabelled: what :meth:`unlabelled` gave.
            labelled: the labelled windows of the target.
        """


class Contrastive(Method):
    """Methods that learn from unlabelled samples, if they have any, and then from the labels.

    They differ in their samples, or in what they do with them: :meth:`pretrain`.
    """

    def train(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples | None, labelled: Samples) -> TrainedModel:
        """Pre-trains where there is something to pre-train on, then fine-tunes."""
        if unlabelled is not None:
            self.pretrain(trainer, inputs, unlabelled)
        return trainer.finetune(labelled)

    def pretrain(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples) -> None:
        """The weighted contrastive loss (MMBind, arXiv 2411.12126, stage 2) over the samples."""
        trainer.run("pretrain", unlabelled, trainer.on(unlabelled, trainer.contrast))

"""Teacher and student: answers on unlabelled windows, spread over a graph of windows, as labels.

Pseudo-labels: D.-H. Lee, ICML workshop 2013. With a graph, a window's answer is mixed with
those of the windows that it is joined to (:mod:`mmbind.learning.propagation`), so that pairs
vote, and labelled windows are certain; without one this is plain self-training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmbind.config import Training
from mmbind.errors import MmbindError
from mmbind.learning.propagation import balance, prior_of, propagate
from mmbind.learning.samples import Samples, joined
from mmbind.training.graph import WindowGraph
from mmbind.training.model import TrainedModel
from mmbind.training.trainer import Trainer, epochs_for, steps_per_epoch

#: From a trained model to the graph that its answers spread over.
Regrow = Callable[[TrainedModel], WindowGraph]


def teach(
    trainer: Trainer,
    unlabelled: Samples,
    labelled: Samples,
    *,
    graph: WindowGraph | None,
    regrow: Regrow | None = None,
) -> TrainedModel:
    """Fine-tunes a teacher, labels the unlabelled windows, and trains a student on both.

    The student starts from the weights that the teacher started from, or from those that the
    network had before any training (``training.student.start``). It takes as many
    optimisation steps as the teacher; each sees ``training.student.unlabelled`` windows with
    pseudo-labels beside a batch of labelled ones. With several ``training.student.rounds`` each
    student is the teacher of the next one.

    Args:
        trainer: pre-trained or not; ``training.student`` and ``training.propagation`` say how.
        unlabelled: windows without labels, each once.
        labelled: the labelled windows.
        graph: between the unlabelled windows and the labelled ones, in this order; None for
            self-training alone.
        regrow: the graph of the later rounds, by the last student; None where it stays.

    Raises:
        InputError: when fewer than two classes have labels.
        MmbindError: when training diverges, or the graph has other nodes.
    """
    student = trainer.training.student
    start = trainer.untrained if student.start == "scratch" else trainer.weights()
    taught = trainer.finetune(labelled, "teacher")
    for number in range(student.rounds):
        if number and regrow is not None:
            graph = regrow(taught)
        answers = pseudo_labels(taught, unlabelled, labelled, trainer.training, graph)
        trainer.model.load_state_dict(start)
        pseudo = replace(unlabelled, labels=torch.from_numpy(answers))
        taught = _learn(trainer, "student" if number == 0 else f"student_{number + 1}", pseudo, labelled)
    return taught


def _learn(trainer: Trainer, phase: str, pseudo: Samples, labelled: Samples) -> TrainedModel:
    """Trains a student on windows with pseudo-labels and on labelled ones."""
    student, finetune = trainer.training.student, trainer.training.finetune
    everyone = joined(pseudo, labelled)
    first, count = len(pseudo), len(labelled)

    def step(positions: Tensor, generator: torch.Generator) -> Tensor:
        known = first + torch.randint(count, (finetune.batch,), generator=generator)
        return trainer.classify(trainer.batch(everyone, torch.cat([positions, known])), generator)

    steps = finetune.epochs * steps_per_epoch(count, finetune.batch)
    epochs = epochs_for(steps, first, student.unlabelled)
    schedule = finetune.model_copy(update={"epochs": epochs, "batch": student.unlabelled})
    trainer.run(phase, pseudo, step, schedule=schedule)
    return trainer.finished()


def pseudo_labels(
    teacher: TrainedModel, unlabelled: Samples, labelled: Samples, training: Training, graph: WindowGraph | None
) -> npt.NDArray[np.int64]:
    """The class of every unlabelled window, int64 (windows,).

    Args:
        teacher: whose answers are the first beliefs.
        unlabelled: the windows.
        labelled: nodes of the graph whose beliefs are certain; their shares of classes are the
            prior, where ``student.prior`` asks for one.
        training: the settings.
        graph: what beliefs spread over, between the unlabelled windows and the labelled ones;
            None for nothing.

    Raises:
        MmbindError: when the graph has other nodes than these windows.
    """
    beliefs = teacher.predict(unlabelled).astype(np.float64)
    count, classes = len(unlabelled), len(labelled.classes)
    if graph is not None:
        if graph.windows != [*unlabelled.windows, *labelled.windows]:
            raise MmbindError("The graph's nodes are not the unlabelled and the labelled windows in their order.")
        spread, certain = training.propagation, np.eye(classes)[labelled.labels.numpy()]
        beliefs = propagate(
            graph.weights,
            np.concatenate([beliefs, certain]),
            keep=spread.keep,
            rounds=spread.rounds,
            clamped=np.arange(count + len(labelled)) >= count,
        )[:count]
    if training.student.prior == "labelled":
        beliefs = balance(beliefs, prior_of(labelled.labels.numpy(), classes))
    return np.asarray(beliefs.argmax(axis=1), dtype=np.int64)

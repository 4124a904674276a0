"""Teacher and student: answers on unlabelled windows, spread over the binding graph, as labels.

Pseudo-labels: D.-H. Lee, ICML workshop 2013. With a graph, a window's answer is mixed with
those of the windows that it is bound to (:mod:`mmbind.learning.propagation`), so that pairs
vote; without one this is plain self-training.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmbind.config import Training
from mmbind.errors import MmbindError
from mmbind.learning.propagation import balance, prior_of, propagate
from mmbind.learning.samples import Samples
from mmbind.learning.signals import Signals, StackedSignals
from mmbind.training.graph import WindowGraph
from mmbind.training.model import TrainedModel
from mmbind.training.trainer import Trainer, epochs_for, steps_per_epoch


def teach(trainer: Trainer, unlabelled: Samples, labelled: Samples, *, graph: WindowGraph | None) -> TrainedModel:
    """Fine-tunes a teacher, labels the unlabelled windows, and trains a student on both.

    The student starts from the weights that the teacher started from. It takes as many
    optimisation steps as the teacher; each sees ``training.student.unlabelled`` windows with
    pseudo-labels beside a batch of labelled ones.

    Args:
        trainer: pre-trained or not; ``training.student`` and ``training.propagation`` say how.
        unlabelled: windows without labels, each once.
        labelled: the labelled windows.
        graph: between the unlabelled windows, in their order; None for self-training alone.

    Raises:
        InputError: when fewer than two classes have labels.
        MmbindError: when training diverges, or the graph has other nodes.
    """
    start = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    teacher = trainer.finetune(labelled, "teacher")
    answers = pseudo_labels(teacher, unlabelled, labelled, trainer.training, graph)
    trainer.model.load_state_dict(start)
    student, finetune = trainer.training.student, trainer.training.finetune
    joined = join(unlabelled, answers, labelled)
    first, count = len(unlabelled), len(labelled)

    def step(positions: Tensor, generator: torch.Generator) -> Tensor:
        known = first + torch.randint(count, (finetune.batch,), generator=generator)
        return trainer.classify(joined.batch(torch.cat([positions, known])), generator)

    steps = finetune.epochs * steps_per_epoch(count, finetune.batch)
    epochs = epochs_for(steps, first, student.unlabelled)
    schedule = finetune.model_copy(update={"epochs": epochs, "batch": student.unlabelled})
    trainer.run("student", unlabelled, step, schedule=schedule)
    return trainer.finished()


def pseudo_labels(
    teacher: TrainedModel, unlabelled: Samples, labelled: Samples, training: Training, graph: WindowGraph | None
) -> npt.NDArray[np.int64]:
    """The class of every unlabelled window, int64 (windows,).

    Args:
        teacher: whose answers are the first beliefs.
        unlabelled: the windows.
        labelled: whose shares of classes are the prior, where ``student.prior`` asks for one.
        training: the settings.
        graph: what beliefs spread over; None for nothing.

    Raises:
        MmbindError: when the graph has other nodes than these windows.
    """
    beliefs = teacher.predict(unlabelled).astype(np.float64)
    if graph is not None:
        if graph.windows != list(unlabelled.windows):
            raise MmbindError("The graph's nodes are not the unlabelled windows in their order.")
        spread = training.propagation
        beliefs = propagate(graph.weights, beliefs, keep=spread.keep, rounds=spread.rounds)
    if training.student.prior == "labelled":
        prior = prior_of(labelled.labels.numpy(), len(labelled.classes))
        beliefs = balance(beliefs, prior)
    return np.asarray(beliefs.argmax(axis=1), dtype=np.int64)


def join(unlabelled: Samples, answers: npt.NDArray[np.int64], labelled: Samples) -> Samples:
    """Windows with pseudo-labels, then those with labels, as one set of samples."""
    signals: dict[str, Signals] = {}
    rows: dict[str, Tensor] = {}
    parts: tuple[Mapping[str, Tensor], Mapping[str, Tensor]] = (unlabelled.rows, labelled.rows)
    sizes = (len(unlabelled), len(labelled))
    for name in sorted({*unlabelled.signals, *labelled.signals}):
        held = [samples.signals[name] for samples in (unlabelled, labelled) if name in samples.signals]
        signals[name] = StackedSignals(held)
        columns, offset = [], 0
        for samples, row, size in zip((unlabelled, labelled), parts, sizes, strict=True):
            if name not in samples.signals:
                columns.append(torch.full((size,), -1))
                continue
            columns.append(torch.where(row[name] >= 0, row[name] + offset, -1))
            offset += len(samples.signals[name])
        rows[name] = torch.cat(columns)
    return Samples(
        signals,
        rows,
        torch.cat([unlabelled.weights, labelled.weights]),
        torch.cat([torch.from_numpy(answers), labelled.labels]),
        labelled.classes,
        [*unlabelled.windows, *labelled.windows],
    )

"""Temperature scaling: how sure a model may be, by its answers on labels that were not learned from.

C. Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2. The few labels
leave none to set aside, so the predictions are out of fold: the labels are cut into folds, and each is
answered by a teacher that learns from the others, from the weights that the model's own started from.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor

from mmbind.learning.compute import derived_seed
from mmbind.learning.samples import Samples
from mmbind.training.model import TrainedModel
from mmbind.training.trainer import Trainer

#: The temperature is looked for between 1 / BOUND and BOUND.
BOUND = 20.0


def calibrate(trainer: Trainer, trained: TrainedModel, labelled: Samples) -> TrainedModel:
    """The model with a temperature; its answers stay the same, only how sure they are changes.

    What the folds' teachers do not see is what the model itself does not know: other windows of the
    labelled people. People that nobody has labelled are harder, a student knows more than its
    teacher; the one makes the model too sure, the other too unsure. A window whose class the other folds
    lack says nothing, since its teacher cannot be right, and is not asked.

    Args:
        trainer: that the model comes from; ``training.calibration`` says how many folds there are. The
            network holds the model's weights again at the end.
        trained: its model.
        labelled: the windows that it was fine-tuned on.

    Returns:
        The model, with temperature 1 where fewer than two folds are asked for or no fold leaves two
        classes to learn from.

    Raises:
        ValueError: when the trainer has not fine-tuned anything.
        MmbindError: when training diverges; names the windows of that step.
    """
    folds = trainer.training.calibration.folds
    if folds < 2:
        return trained
    start, final = trainer.before_labels, trainer.weights()
    if start is None:
        raise ValueError("the trainer has not learned from labels yet")
    labels = labelled.labels.numpy()
    found: list[Tensor] = []
    true: list[npt.NDArray[np.int64]] = []
    for number, held in enumerate(split(labels, folds, derived_seed(trainer.seed, "calibration")), start=1):
        rest = np.setdiff1d(np.arange(len(labels)), held)
        held = held[np.isin(labels[held], labels[rest])]
        if not len(held) or len(np.unique(labels[rest])) < 2:
            continue
        phase = f"calibration_{number}"
        trainer.model.load_state_dict(start)
        teacher = trainer.finetune(labelled.at(torch.from_numpy(rest)), phase)
        found.append(teacher.scores(labelled.at(torch.from_numpy(held))))
        true.append(labels[held])
        trainer.losses.pop(phase)
    trainer.model.load_state_dict(final)
    trainer.model.eval()
    if not found:
        return trained
    return replace(trained, temperature=temperature(torch.cat(found).numpy(), np.concatenate(true)))


def split(labels: npt.NDArray[np.int64], folds: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Cuts labelled windows into folds that hold all classes as equally as they can.

    Args:
        labels: class of each window (n,).
        folds: how many.
        seed: of the draw.

    Returns:
        Positions of the windows of each fold, ascending; each window stands in one fold.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.permutation(len(labels))
    by_class = drawn[np.argsort(labels[drawn], kind="stable")]
    return [np.sort(by_class[first::folds]) for first in range(folds)]


def temperature(scores: npt.NDArray[np.float32], true: npt.NDArray[np.int64]) -> float:
    """The temperature under which the true classes are likeliest.

    A log-normal prior around 1 (deviation of the logarithm 1) bounds it where few windows say
    little, e.g. where all answers are right. It weighs as much as one window or so.

    Args:
        scores: of the classes (logits), float32 (windows, classes).
        true: the windows' classes (windows,).

    Returns:
        Above 1 where the answers were too sure, below where they were less sure than right; to six digits.
    """
    exact, rows = scores.astype(np.float64), np.arange(len(true))

    def cost(logarithm: float) -> float:
        likely = log_softmax(exact / np.exp(logarithm), axis=1)[rows, true]
        return float(logarithm**2 / 2 - likely.sum())

    bound = float(np.log(BOUND))
    best = minimize_scalar(cost, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-6})
    return round(float(np.exp(best.x)), 6)

"""Figures of merit, from integer classes.

All of them follow from the confusion matrix C, where C[i, j] counts the windows of true
class i that were called class j.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mmbind.errors import InputError

Classes = npt.NDArray[np.int64]


def confusion(truth: Classes, predicted: Classes, classes: int) -> Classes:
    """The confusion matrix.

    Args:
        truth: true classes (n,), 0 <= class < classes.
        predicted: predicted classes (n,), in the same order.
        classes: how many classes there are.

    Returns:
        int64 (classes, classes); rows are true, columns predicted classes.

    Raises:
        InputError: when the two differ in length, or a class is out of range.
    """
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise InputError(f"{truth.shape} true and {predicted.shape} predicted classes cannot be compared.")
    both = np.concatenate([truth, predicted])
    if both.size and (both.min() < 0 or both.max() >= classes):
        raise InputError(f"Classes from {both.min()} to {both.max()} do not fit into {classes} classes.")
    counts = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def accuracy(matrix: Classes) -> float:
    """The share of windows that were called by their true class.

    Args:
        matrix: a confusion matrix (classes, classes) with at least one window.

    Raises:
        InputError: when it counts no window.
    """
    return float(np.trace(matrix) / _total(matrix))


def macro_f1(matrix: Classes) -> float:
    """The unweighted mean of the classes' F1 = 2 TP / (2 TP + FP + FN).

    Only classes that occur take part: those with at least one true or one predicted
    window. A class that is never called though it is true, or called though it never is,
    counts 0.

    Args:
        matrix: a confusion matrix (classes, classes) with at least one window.

    Raises:
        InputError: when it counts no window.
    """
    _total(matrix)
    occurrences = matrix.sum(axis=0) + matrix.sum(axis=1)
    seen = occurrences > 0
    return float(np.mean(2 * np.diag(matrix)[seen] / occurrences[seen]))


def majority_share(matrix: Classes) -> float:
    """The accuracy of the best constant guess: the share of the most frequent true class.

    Raises:
        InputError: when the matrix counts no window.
    """
    return float(matrix.sum(axis=1).max() / _total(matrix))


def mean_and_deviation(values: Sequence[float]) -> dict[str, float]:
    """Mean and sample standard deviation (n - 1), to six digits.

    Returns:
        ``{"mean": ..., "deviation": ...}``; a single value has no deviation, so the key is
        left out.
    """
    figures = {"mean": round(float(np.mean(values)), 6)}
    if len(values) > 1:
        figures["deviation"] = round(float(np.std(values, ddof=1)), 6)
    return figures


def _total(matrix: Classes) -> int:
    total = int(matrix.sum())
    if total == 0:
        raise InputError("There is no labelled window to measure on.")
    return total

"""Scores of a finished run: the only place of the grid that reads labels of the test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mmbind.evaluation.metrics import Classes, accuracy, confusion, macro_f1
from mmbind.evaluation.runs import Run
from mmbind.reports.results import Results
from mmbind.reports.results.tables import BINS

#: Digits of a figure that are stored.
DIGITS = 6


@dataclass(frozen=True)
class Versions:
    """What a run was made of, as short digests.

    Attributes:
        code: of mmbind's code that trains, and torch.
        settings: of the parameters of training.
        data: of the bytes that it read.
        digest: of all of it.
    """

    code: str
    settings: str
    data: str
    digest: str


def score(
    name: dict[str, Any], run: Run, truth: list[str | None], *, purity: float | None, versions: Versions
) -> Results:
    """The rows of one run.

    Args:
        name: the run's :data:`mmbind.reports.results.KEYS`.
        run: its answers on the test windows.
        truth: label per test window, in the same order; None where there is none, and at least one.
        purity: of the pairs that it was trained on.
        versions: what it was made of.
    """
    answers = run.answers
    classes = sorted({*answers.classes, *(label for label in truth if label is not None)})
    number = {one: position for position, one in enumerate(classes)}
    true = np.array([-1 if label is None else number[label] for label in truth], dtype=np.int64)
    own = np.array([number[one] for one in answers.classes], dtype=np.int64)
    complete = np.array([number[one] for one in run.predicted], dtype=np.int64)
    matrix = _confusion(true, complete, len(classes))
    known = true >= 0
    bins = reliability(np.array(answers.confidence)[known], (complete == true)[known])
    counted = [
        {**name, "actual": classes[row], "predicted": classes[column], "windows": int(matrix[row, column])}
        for row, column in np.argwhere(matrix)
    ]
    figures = []
    for subset, chosen in answers.chosen.items():
        best = np.array(chosen, dtype=np.int64)
        part = _confusion(true, np.where(best >= 0, own[best], -1), len(classes))
        if total := int(part.sum()):
            figures.append({**name, "modalities": subset, "windows": total, **_figures(part)})
    row = {
        **name,
        **_figures(matrix),
        "ece": calibration_error(bins),
        "purity": purity,
        "code": versions.code,
        "settings": versions.settings,
        "data": versions.data,
        "digest": versions.digest,
    }
    return Results.of(
        runs=[row], confusions=counted, modalities=figures, reliability=[{**name, **bin_} for bin_ in bins]
    )


def reliability(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Probabilities against the share of right answers (M. H. DeGroot and S. E. Fienberg, The Statistician 32, 1983).

    Args:
        confidence: probability of the chosen class (n,), in [0, 1].
        right: whether it is the true one (n,).

    Returns:
        One entry per bin that holds windows, ascending: bin, windows, confidence (mean), right (share).
    """
    place = np.clip((confidence * BINS).astype(np.int64), 0, BINS - 1)
    return [
        {
            "bin": int(number),
            "windows": int((here := place == number).sum()),
            "confidence": round(float(confidence[here].mean()), DIGITS),
            "right": round(float(right[here].mean()), DIGITS),
        }
        for number in np.unique(place)
    ]


def calibration_error(bins: list[dict[str, Any]]) -> float:
    """The expected calibration error: mean |probability - share right| over the bins, weighted by windows.

    M. P. Naeini et al., AAAI 2015, equation 1; C. Guo et al., ICML 2017, equation 3.
    """
    gaps = [abs(one["confidence"] - one["right"]) for one in bins]
    return round(float(np.average(gaps, weights=[one["windows"] for one in bins])), DIGITS)


def _confusion(true: Classes, chosen: Classes, classes: int) -> Classes:
    """Of the windows that have a label and an answer."""
    both = (true >= 0) & (chosen >= 0)
    return confusion(true[both], chosen[both], classes)


def _figures(matrix: Classes) -> dict[str, float]:
    return {"accuracy": round(accuracy(matrix), DIGITS), "macro_f1": round(macro_f1(matrix), DIGITS)}

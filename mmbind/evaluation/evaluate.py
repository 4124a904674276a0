"""The stage ``evaluate``: trains the rivals, reads the test labels once, writes the results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmbind.config import TEST, MethodName
from mmbind.errors import InputError
from mmbind.evaluation.harness import Plan, plan, run_methods
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.leakage import refuse_leakage
from mmbind.evaluation.metrics import Classes, accuracy, confusion, macro_f1, majority_share, mean_and_deviation
from mmbind.evaluation.runs import Run
from mmbind.files import write_json, write_text
from mmbind.reports import write_evaluation_page
from mmbind.reports.evaluation_page import OURS, verdict
from mmbind.study import Study


@dataclass(frozen=True)
class EvaluationSummary:
    """Results of an evaluation.

    Attributes:
        methods: per method ``accuracy`` and ``macro_f1``, each with ``mean`` and, from two
            seeds on, ``deviation``.
        verdicts: by rival, one sentence: whether mmbind beats it.
        unavailable: methods that the study does not allow, and why.
        labels: labelled windows of the target that training saw.
        test_windows: labelled windows of the test people.
        chance: share of their most frequent class.
        seeds: trainings per method.
        report: the page that was written.
    """

    methods: dict[str, dict[str, dict[str, float]]]
    verdicts: dict[str, str]
    unavailable: dict[MethodName, str]
    labels: int
    test_windows: int
    chance: float
    seeds: int
    report: Path

    def lines(self) -> list[str]:
        """A table of the results, and whether mmbind beats its rivals."""
        seeds = f"{self.seeds} seed{'s' if self.seeds != 1 else ''}"
        width = max(10, *(len(method) for method in self.methods))
        return [
            f"{self.labels} labels, {self.test_windows} test windows, {seeds}, chance {self.chance:.3f}",
            f"{'method':<{width}}{'accuracy':>16}{'macro-F1':>16}",
            *[
                f"{method:<{width}}{_shown(figures['accuracy']):>16}{_shown(figures['macro_f1']):>16}"
                for method, figures in self.methods.items()
            ],
            *self.verdicts.values(),
            *[f"{method}: left out, {reason}" for method, reason in self.unavailable.items()],
            f"report: {self.report}",
        ]


def evaluate(study: Study) -> EvaluationSummary:
    """Compares the methods on the test people.

    Trains every method with every seed (see :mod:`mmbind.evaluation.harness`), then reads
    the labels of the test windows once. Writes the metrics, the plots ``evaluation``
    (method, seed, accuracy, macro_f1) and ``confusion`` (actual, predicted: mmbind's
    answers over all seeds), and the page ``evaluation``.

    Args:
        study: the study.

    Raises:
        MissingStageError: before ``assign`` or ``bind`` was run.
        LeakageError: when training and test share a person or a recording.
        InputError: when no test window has a label, or no method is available.
    """
    inputs = Inputs(study, study.params.training.seed)
    refuse_leakage(inputs)
    planned = plan(study)
    if not planned.requests:
        reasons = "; ".join(f"{method}: {reason}" for method, reason in planned.unavailable.items())
        raise InputError("No method of evaluation.methods can be trained.", hint=reasons)
    runs = run_methods(study, planned)
    labels = inputs.truth(TEST).index["label"].to_list()
    if not any(label is not None for label in labels):
        raise InputError(f"{study.truth(TEST)}: no test window has a label.", hint="Check 'labels' of its sources.")
    classes, matrices = confusions(runs, labels, inputs.target.index["label"].drop_nulls().to_list())
    return _write(study, planned, runs, classes, matrices, int(inputs.target.index["label"].count()))


def confusions(runs: list[Run], truth: list[str | None], known: list[str]) -> tuple[list[str], list[Classes]]:
    """The confusion matrix of each run.

    Args:
        runs: the runs.
        truth: label per test window, None where there is none.
        known: labels that training saw.

    Returns:
        The class names, sorted (those known and those of the test windows), and one int64
        (classes, classes) per run.

    Raises:
        InputError: when a run answered other windows than these.
    """
    classes = sorted({*known, *[label for label in truth if label is not None]})
    number = {name: position for position, name in enumerate(classes)}
    true = np.array([number[label] for label in truth if label is not None], dtype=np.int64)
    matrices = []
    for run in runs:
        if len(run.predicted) != len(truth):
            raise InputError(f"{run.method}, seed {run.seed}: answered {len(run.predicted)} of {len(truth)} windows.")
        answers = [number[answer] for answer, label in zip(run.predicted, truth, strict=True) if label is not None]
        matrices.append(confusion(true, np.array(answers, dtype=np.int64), len(classes)))
    return classes, matrices


def _write(
    study: Study, planned: Plan, runs: list[Run], classes: list[str], matrices: list[Classes], labels: int
) -> EvaluationSummary:
    table = pl.DataFrame(
        {
            "method": [run.method for run in runs],
            "seed": [run.seed for run in runs],
            "accuracy": [round(accuracy(matrix), 6) for matrix in matrices],
            "macro_f1": [round(macro_f1(matrix), 6) for matrix in matrices],
        },
        schema_overrides={"seed": pl.Int64},
    )
    names = list(dict.fromkeys(table["method"]))
    scores = {name: table.filter(pl.col("method") == name) for name in names}
    methods = {
        name: {column: mean_and_deviation(rows[column].to_list()) for column in ("accuracy", "macro_f1")}
        for name, rows in scores.items()
    }
    summed = {name: _sum(runs, matrices, name) for name in names}
    rivals = [name for name in names if name != OURS] if OURS in names else []
    summary = EvaluationSummary(
        methods=methods,
        verdicts={name: verdict(scores[OURS], scores[name], name) for name in rivals},
        unavailable=planned.unavailable,
        labels=labels,
        test_windows=int(matrices[0].sum()),
        chance=round(majority_share(matrices[0]), 6),
        seeds=len(study.params.evaluation.seeds),
        report=study.report("evaluation"),
    )
    figures: dict[str, Any] = {
        "labels": labels,
        "classes": len(classes),
        "test_windows": summary.test_windows,
        "chance": summary.chance,
        "methods": methods,
    }
    write_json(study.metrics("evaluation"), figures)
    write_text(study.plots("evaluation"), table.write_csv())
    write_text(study.plots("confusion"), _cells(classes, summed.get(OURS, summed[names[0]])).write_csv())
    write_evaluation_page(
        summary.report, runs=table, confusion=summed, classes=classes, facts=_facts(summary, planned, classes)
    )
    return summary


def _sum(runs: list[Run], matrices: list[Classes], method: str) -> Classes:
    """The confusion of a method over its seeds."""
    total = np.zeros_like(matrices[0])
    for run, matrix in zip(runs, matrices, strict=True):
        if run.method == method:
            total += matrix
    return total


def _cells(classes: list[str], matrix: Classes) -> pl.DataFrame:
    """One row per answer, as the confusion template of ``dvc plots`` counts them."""
    counted = [(row, column) for row, column in np.argwhere(matrix) for _ in range(matrix[row, column])]
    return pl.DataFrame(
        {
            "actual": [classes[row] for row, _ in counted],
            "predicted": [classes[column] for _, column in counted],
        }
    )


def _facts(summary: EvaluationSummary, planned: Plan, classes: list[str]) -> dict[str, str]:
    """What the page says beside figures."""
    return {
        "labels of the target": str(summary.labels),
        "test windows": str(summary.test_windows),
        "classes": str(len(classes)),
        "chance": f"{summary.chance:.3f} (share of the most frequent class)",
        "seeds per method": str(summary.seeds),
        "pre-training": f"{planned.steps} optimisation steps for every method that pre-trains",
        **{f"{method} left out": reason for method, reason in summary.unavailable.items()},
    }


def _shown(figures: dict[str, float]) -> str:
    deviation = f" ± {100 * figures['deviation']:.1f}" if "deviation" in figures else ""
    return f"{100 * figures['mean']:.1f} %{deviation}"

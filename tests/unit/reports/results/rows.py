"""Hand-made rows of results."""

from __future__ import annotations

from typing import Any

from mmbind.reports.results import KEYS, Results


def run_row(**values: Any) -> dict[str, Any]:
    """A row of the table of runs."""
    row = {
        "study": "tiny",
        "task": "complete",
        "method": "lower",
        "ablation": "",
        "labels": 6,
        "draw": "balanced",
        "rotation": "p0",
    }
    figures = {"seed": 0, "accuracy": 0.5, "macro_f1": 0.4, "ece": 0.1, "purity": None}
    versions = {"code": "c0de", "settings": "5e7", "data": "da7a", "digest": "d16e57"}
    return {**row, **figures, **versions, **values}


def named(row: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A row of another table, of the same run."""
    return {**{key: row[key] for key in KEYS}, **values}


def results_of(*rows: dict[str, Any]) -> Results:
    """Results with one right and one wrong window per run."""
    return Results.of(
        runs=list(rows),
        confusions=[
            named(row, actual=actual, predicted="run", windows=count)
            for row in rows
            for actual, count in (("run", 6), ("walk", 4))
        ],
        modalities=[
            named(row, modalities=name, windows=10, accuracy=value, macro_f1=value)
            for row in rows
            for name, value in (("acc", row["accuracy"] / 2), ("acc+gyro", row["accuracy"]))
        ],
        reliability=[named(row, bin=7, windows=10, confidence=0.75, right=0.6) for row in rows],
    )

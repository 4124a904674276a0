"""The evaluation page: methods side by side, and whether mmbind wins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.errors import InputError
from mmbind.reports import figures
from mmbind.reports.comparison import sentence
from mmbind.reports.page import write_page
from mmbind.schema import Schema, conform

#: What the methods are called, in the order of the table.
TITLES = {
    "lower": "lower bound",
    "unimodal": "unimodal",
    "mim": "incomplete pre-training (MIM)",
    "mpm": "presence mask (MPM)",
    "cmg": "cross-modal generation (CMG)",
    "dcm": "dual contrastive (DCM)",
    "imagebind": "ImageBind-style",
    "self_training": "self-training without binding",
    "mmbind_paper": "MMBind as in the paper, unweighted",
    "mmbind_paper_weighted": "MMBind as in the paper",
    "mmbind": "MMBind",
    "upper": "upper bound",
    "oracle": "same-class oracle",
}
#: What each method does, in a few words.
MEANINGS = {
    "lower": "no pre-training, the few labels only",
    "unimodal": "an autoencoder per modality on all unlabelled windows that have it",
    "mim": "pre-training on the unlabelled windows as they are, without pairs",
    "mpm": "MIM, and the network is told which modalities are there",
    "cmg": "missing modalities are generated from the shared one, then contrasted",
    "dcm": "the shared modality against the sum of the others",
    "imagebind": "all modalities aligned to a frozen encoder of the shared one",
    "self_training": "pseudo-labels of a teacher on the unlabelled windows, without pairs",
    "mmbind_paper": "nearest neighbours of an autoencoder, the loss between views, weight 1",
    "mmbind_paper_weighted": "the same, each pair weighted by its similarity",
    "mmbind": "pre-training over the binding graph; answers spread over it teach a student, where asked for",
    "upper": "pre-training on the same windows with all modalities as recorded",
    "oracle": "pre-training on pairs drawn by true label",
}
#: The method that the others are compared with.
OURS = "mmbind"
RUNS: Schema = {"method": pl.String, "seed": pl.Int64, "accuracy": pl.Float64, "macro_f1": pl.Float64}


def write_evaluation_page(
    path: Path,
    *,
    runs: pl.DataFrame,
    confusion: Mapping[str, npt.NDArray[np.int64]],
    classes: list[str],
    facts: Mapping[str, str],
) -> None:
    """Writes the page.

    Args:
        path: the HTML file.
        runs: one row per method and seed: method, seed, accuracy, macro_f1 (in [0, 1]).
        confusion: per method, counts by true class (row) and predicted class (column),
            int64 (classes, classes), summed over seeds.
        classes: class names in the order of the matrices.
        facts: what else to state, as name and text.

    Raises:
        MmbindError: when ``runs`` lacks a column or has another type.
        InputError: when there are no runs, or a matrix does not fit the classes.
    """
    table = conform(runs, RUNS, table="evaluation runs")
    if not table.height:
        raise InputError("There are no evaluation runs to show.", hint="Name methods and seeds in params.yaml.")
    for method, matrix in confusion.items():
        if matrix.shape != (len(classes), len(classes)):
            raise InputError(f"The confusion of {method!r} is {matrix.shape}, but there are {len(classes)} classes.")
    found = table["method"].unique(maintain_order=True).to_list()
    methods = [*(name for name in TITLES if name in found), *(name for name in found if name not in TITLES)]
    scores = {method: table.filter(pl.col("method") == method).sort("seed") for method in methods}
    write_page(
        path,
        "Evaluation",
        "evaluation",
        rows=[_row(method, scores[method]) for method in methods],
        ours=OURS,
        verdicts=[verdict(scores[OURS], scores[rival], rival) for rival in scores if rival != OURS]
        if OURS in scores
        else [],
        plots={
            column: figures.dots(
                {title(method): scores[method][column].to_list() for method in methods},
                alt=f"{name} on the test people, one dot per seed",
                x_label=f"{name} (line: mean over seeds)",
                emphasis=title(OURS),
            )
            for column, name in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"))
        },
        confusion={method: confusion[method] for method in methods if method in confusion},
        titles={method: title(method) for method in methods},
        classes=classes,
        facts=dict(facts),
        seeds=table["seed"].n_unique(),
    )


def title(method: str) -> str:
    """What a method is called; its own name when unknown."""
    return TITLES.get(method, method)


def verdict(ours: pl.DataFrame, rival: pl.DataFrame, name: str) -> str:
    """One sentence: does mmbind win against a rival, by how much, and is it more than chance.

    Seeds that both have are compared pair by pair (see :mod:`mmbind.reports.comparison`).

    Args:
        ours: runs of mmbind.
        rival: runs of the rival.
        name: the rival's method name.
    """
    both = ours.join(rival, on="seed", suffix="_rival").sort("seed")
    if not both.height:
        return f"MMBind and the {title(name)} share no seed and cannot be compared."
    return sentence((both["accuracy"] - both["accuracy_rival"]).to_list(), title(name), "seeds")


def _row(method: str, runs: pl.DataFrame) -> dict[str, Any]:
    """A line of the table: mean and sample deviation (n - 1) over seeds, None for one seed."""
    row: dict[str, Any] = {"method": method, "title": title(method), "meaning": MEANINGS.get(method, "")}
    for column in ("accuracy", "macro_f1"):
        values = runs[column].to_numpy()
        row[column] = float(values.mean())
        row[f"{column}_deviation"] = float(values.std(ddof=1)) if len(values) > 1 else None
    return row

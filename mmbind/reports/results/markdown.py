"""Tables of the page of results, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from mmbind.reports.evaluation_page import OURS, title
from mmbind.reports.results.reading import ordered, points
from mmbind.reports.results.statistics import difference, paired, spread
from mmbind.reports.results.tables import BINS

#: What methods are compared with, and how the column is called.
YARDSTICKS = {
    "lower": "over lower bound",
    "mmbind_paper_weighted": "over paper, weighted",
    "mmbind_paper": "over paper, unweighted",
}
#: Methods in the table of missing modalities and those beside it.
SHOWN = ("lower", "self_training", "mmbind_paper_weighted", "mmbind", "oracle")
#: Classes up to which a confusion is shown whole, and pairs that are shown beyond.
MATRIX, PAIRS = 10, 12


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, figures: bool = True) -> str:
    """A table; the first column is text, the others are figures or text as well."""
    lines = [list(head), ["---", *["---:" if figures else "---"] * (len(head) - 1)], *[list(row) for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def methods(reported: pl.DataFrame, tuned: pl.DataFrame) -> str:
    """All methods side by side.

    Args:
        reported: runs of one task, label count and draw on the reported rotations.
        tuned: the same on the rotations that settings were chosen on; a column more when there are any.
    """
    there = ordered(reported)
    yardsticks = {name: text for name, text in YARDSTICKS.items() if name in there}
    head = ["method", "runs", "accuracy", "macro-F1", "ECE", *yardsticks.values()]
    head += [f"{title(OURS)} over it"] if OURS in there else []
    head += ["accuracy, tuning"] if tuned.height else []
    rows = []
    for name in there:
        own = reported.filter(pl.col("method") == name)
        row = [f"**{title(name)}**" if name == OURS else title(name), str(own.height)]
        row += [_percent(own["accuracy"]), _percent(own["macro_f1"]), _error(own["ece"])]
        row += [_difference(reported, name, yardstick) for yardstick in yardsticks]
        row += [_difference(reported, OURS, name)] if OURS in there else []
        if tuned.height:
            also = tuned.filter(pl.col("method") == name)
            row.append(_percent(also["accuracy"]) if also.height else "-")
        rows.append(row)
    return table(head, rows)


def ablations(runs: pl.DataFrame, changes: Mapping[str, str]) -> str:
    """Methods with some parameters otherwise; those without an unchanged run are held against MMBind's.

    Args:
        runs: runs of one task, label count and draw on the reported rotations, ablations and others.
        changes: what each ablation changes, as text, in the order of the table.
    """
    plain, rows = runs.filter(pl.col("ablation") == ""), []
    for name, change in changes.items():
        other = runs.filter(pl.col("ablation") == name)
        for method in ordered(other):
            own = other.filter(pl.col("method") == method)
            before = plain.filter(pl.col("method") == method).join(own, on=["rotation", "seed"], how="semi")
            against = "" if before.height else f" against {title(OURS)}"
            found = paired(own, before if before.height else plain.filter(pl.col("method") == OURS))
            both = [one if one.height else None for one in (own, before)]
            figures = [
                " / ".join("-" if one is None else shown(one[column]) for one in both)
                for column, shown in (("accuracy", _percent), ("macro_f1", _percent), ("ece", _error))
            ]
            row = [f"{name} (`{change}`)", title(method), str(own.height), *figures]
            rows.append([*row, "-" if found is None else f"{points(found)}{against}"])
    figures = [f"{figure} / unchanged" for figure in ("accuracy", "macro-F1", "ECE")]
    return table(["what is otherwise", "method", "runs", *figures, "change of accuracy"], rows)


def modalities(figures: pl.DataFrame) -> str:
    """Accuracy and macro-F1 with each subset of the test's modalities.

    Args:
        figures: :data:`mmbind.reports.results.MODALITIES` of one task, label count and draw.
    """
    names = [name for name in ordered(figures) if name in SHOWN]
    subsets = sorted(set(figures["modalities"]), key=lambda subset: (subset.count("+"), subset))
    rows = []
    for subset in subsets:
        cells = []
        for name in names:
            own = figures.filter((pl.col("modalities") == subset) & (pl.col("method") == name))
            both = [100 * own[column].to_numpy().mean() for column in ("accuracy", "macro_f1")] if own.height else []
            cells.append(" / ".join(f"{value:.1f}" for value in both) or "-")
        rows.append([subset.replace("+", " + "), *cells])
    return table(["test windows have", *(title(name) for name in names)], rows)


def confusion(cells: pl.DataFrame) -> str:
    """The confusion of one method over all its runs: whole, or the most confused pairs where classes are many.

    Args:
        cells: :data:`mmbind.reports.results.CONFUSIONS` of the method.
    """
    summed = cells.group_by("actual", "predicted").agg(pl.col("windows").sum())
    classes = sorted({*summed["actual"], *summed["predicted"]})
    counts = {(actual, predicted): windows for actual, predicted, windows in summed.iter_rows()}
    totals = {name: sum(counts.get((name, other), 0) for other in classes) for name in classes}
    if len(classes) <= MATRIX:
        rows = [[name, *(str(counts.get((name, other), 0)) for other in classes)] for name in classes]
        return table(["true \\ answered", *classes], rows)
    wrong = sorted(
        ((windows, actual, predicted) for (actual, predicted), windows in counts.items() if actual != predicted),
        key=lambda one: (-one[0], one[1], one[2]),
    )[:PAIRS]
    rows = [[f"{a} taken for {p}", str(n), f"{100 * n / totals[a]:.1f} %"] for n, a, p in wrong]
    return table(["most confused", "windows", "of the class"], rows)


def reliability(bins: pl.DataFrame) -> str:
    """Probabilities of one method's answers against how often they are right, over all its runs.

    Args:
        bins: :data:`mmbind.reports.results.RELIABILITY` of the method.
    """
    pooled = (
        bins.group_by("bin")
        .agg(
            (pl.col("confidence") * pl.col("windows")).sum() / pl.col("windows").sum(),
            (pl.col("right") * pl.col("windows")).sum() / pl.col("windows").sum(),
            pl.col("windows").sum(),
        )
        .sort("bin")
    )
    rows = [
        [f"{number / BINS:.1f} to {(number + 1) / BINS:.1f}", str(windows), f"{confidence:.3f}", f"{right:.3f}"]
        for number, confidence, right, windows in pooled.iter_rows()
    ]
    return table(["probability", "windows", "mean probability", "share right"], rows)


def _difference(runs: pl.DataFrame, method: str, rival: str) -> str:
    found = None if method == rival else difference(runs, method, rival)
    return "-" if found is None else points(found)


def _error(values: pl.Series) -> str:
    return f"{values.to_numpy().mean():.3f}"


def _percent(values: pl.Series) -> str:
    mean, deviation = spread(values)
    return f"{100 * mean:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")

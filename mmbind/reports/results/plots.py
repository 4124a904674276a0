"""Plots of stored runs, as SVG files that stand alone."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import polars as pl

from mmbind.files import PACKAGE
from mmbind.reports import figures
from mmbind.reports.evaluation_page import title
from mmbind.reports.results.reading import ordered

#: Methods that are drawn; a plot with all of them would show none.
DRAWN = ("lower", "self_training", "mmbind_paper_weighted", "mmbind", "upper", "oracle")


def by_labels(runs: pl.DataFrame) -> str | None:
    """Mean accuracy against the number of labels, one line per method.

    Args:
        runs: of one task and draw.

    Returns:
        None with fewer than two label counts.
    """
    if runs["labels"].n_unique() < 2:
        return None
    series = {}
    for method in [name for name in ordered(runs) if name in DRAWN]:
        own = runs.filter(pl.col("method") == method).group_by("labels").agg(pl.col("accuracy").mean()).sort("labels")
        series[title(method)] = (own["labels"].cast(pl.Float64).to_numpy(), own["accuracy"].to_numpy())
    return _file(
        figures.curves(
            series,
            alt="accuracy by number of labels",
            x_label="labelled windows of the target",
            y_label="accuracy",
            whole=False,
        )
    )


def by_purity(runs: pl.DataFrame) -> str | None:
    """Accuracy against the purity of the pairs, one dot per method that trains on pairs, rotation and label count.

    Args:
        runs: of one task and draw.

    Returns:
        None where no run knows its purity.
    """
    known = runs.filter(pl.col("purity").is_not_null())
    if not known.height:
        return None
    series = {}
    for method in ordered(known):
        own = (
            known.filter(pl.col("method") == method)
            .group_by("rotation", "labels")
            .agg(pl.col("purity").first(), pl.col("accuracy").mean())
            .sort("rotation", "labels")
        )
        series[title(method)] = (own["purity"].to_numpy(), own["accuracy"].to_numpy())
    return _file(
        figures.curves(
            series,
            alt="accuracy by purity of the pairs",
            x_label="share of pairs with one true label",
            y_label="accuracy",
            lines=False,
            whole=False,
        )
    )


def purity_correlation(runs: pl.DataFrame, method: str) -> float | None:
    """Pearson's correlation of purity and accuracy over rotations; None below three or without variation.

    Label counts and seeds that a rotation lacks are left out, so that all means are over the same.
    """
    own = runs.filter((pl.col("method") == method) & pl.col("purity").is_not_null())
    everywhere = pl.col("rotation").n_unique().over("labels", "seed") == own["rotation"].n_unique()
    own = own.filter(everywhere)
    by = own.group_by("rotation").agg(pl.col("purity").first(), pl.col("accuracy").mean()).sort("rotation")
    purity, accuracy = by["purity"].to_numpy(), by["accuracy"].to_numpy()
    if by.height < 3 or len(set(purity)) < 2 or len(set(accuracy)) < 2:
        return None
    return float(np.corrcoef(purity, accuracy)[0, 1])


def _file(markup: str) -> str:
    """A figure of a page as a file: its own name space, colours and paper."""
    inner = re.sub(r"var\((--[\w-]+)\)", lambda found: _colours()[found[1]], str(markup))
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', inner)
    size = f' width="{box[1]}" height="{box[2]}"' if box else ""
    opening = f'<svg xmlns="http://www.w3.org/2000/svg"{size} '
    inner = inner.replace("<svg ", opening, 1)
    end = inner.index(">") + 1
    text = inner[:end] + f'\n<rect width="100%" height="100%" fill="{_colours()["--card"]}"/>' + inner[end:]
    return text if text.endswith("\n") else text + "\n"


@cache
def _colours() -> dict[str, str]:
    """The light colours of the reports' style sheet by variable."""
    style = (PACKAGE / "reports" / "templates" / "style.css").read_text(encoding="utf-8")
    light = style[: style.index("}")]
    return dict(re.findall(r"(--[\w-]+):\s*(#[0-9a-fA-F]+)", light))

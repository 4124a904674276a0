"""The gate behind ``bind``: what pairs must be, judged by ``expectations/pairs.json``.

=========  ========================================  ================
scope      a row is about                            modality
=========  ========================================  ================
loan       all pairs of one loan                     the loan's name
binding    all pairs                                 empty
=========  ========================================  ================

No label is looked at: the gate holds for data that nobody has labelled. Purity, where labels are
known, is the report's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.study import Study
from mmbind.validation.gate import judge_output
from mmbind.validation.judgement import Judgement
from mmbind.validation.table import KEYS, Table

TABLE = Table(
    name="pairs",
    scopes=("loan", "binding"),
    columns={
        **KEYS,
        "anchors": pl.Int64,
        "pairs": pl.Int64,
        #: Anchors that found a partner, as a share.
        "bound_share": pl.Float64,
        #: Means over the pairs, and the least and greatest weight.
        "similarity": pl.Float64,
        "weight": pl.Float64,
        "weight_min": pl.Float64,
        "weight_max": pl.Float64,
        #: Bound anchors whose first partner has them as its best, as a share.
        "mutual": pl.Float64,
        #: Lending windows that anybody borrowed from, as a share; the share of all pairs that the
        #: most borrowed window lends to; skewness of the k-occurrence.
        "coverage": pl.Float64,
        "hub_share": pl.Float64,
        "hubness_skew": pl.Float64,
        #: Pairs of windows whose embeddings are the same, as a share.
        "identical_share": pl.Float64,
    },
)
#: Similarity from which two float32 embeddings of length 1 are the same.
IDENTICAL = 1.0 - 1e-6


def check_pairs(
    study: Study, loans: Mapping[str, pl.DataFrame], manifest: Mapping[str, Any], folder: Path
) -> Judgement | None:
    """Judges pairs before they are put into place.

    Args:
        study: the study.
        loans: per loan, its pairs (``schema.PAIRS``).
        manifest: the binding's manifest, with ``counts`` and ``quality``.
        folder: the finished binding, still in its temporary place.

    Returns:
        The judgement; None in a study without ``pairs.json``.

    Raises:
        ConfigError: when the suite is wrong.
    """
    return judge_output(study, TABLE, summarise(loans, manifest), folder, about="pairs", place=study.bindings)


def summarise(loans: Mapping[str, pl.DataFrame], manifest: Mapping[str, Any]) -> pl.DataFrame:
    """The summary of a binding, with the columns of ``TABLE``."""
    counts, quality = manifest["counts"], manifest["quality"]
    rows = [
        {
            "scope": "loan",
            "modality": name,
            **_figures(pairs, counts["loans"][name], quality["loans"][name] if pairs.height else {}),
        }
        for name, pairs in loans.items()
    ]
    return TABLE.fill([*rows, {"scope": "binding", **_figures(pl.concat(loans.values()), counts, quality)}])


def _figures(pairs: pl.DataFrame, counts: Mapping[str, Any], quality: Mapping[str, Any]) -> dict[str, Any]:
    """What one row says."""
    figures = {
        name: quality[name] for name in ("similarity", "weight", "mutual", "coverage", "hubness_skew") if quality
    }
    anchors, bound = counts["anchors"], counts["bound"]
    row = {"anchors": anchors, "pairs": pairs.height, "bound_share": bound / anchors if anchors else None, **figures}
    if not pairs.height:
        return row
    borrowed = pairs.group_by("partner", "borrowed_modality").len()["len"].to_numpy()
    weights, similarities = pairs["weight"].to_numpy(), pairs["similarity"].to_numpy()
    return {
        **row,
        "weight_min": float(weights.min()),
        "weight_max": float(weights.max()),
        "hub_share": float(borrowed.max()) / pairs.height,
        "identical_share": float((similarities >= IDENTICAL).mean()),
    }

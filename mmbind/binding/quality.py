"""How good a binding looks without labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

#: Names of the figures of a loan.
FIGURES = ("similarity", "margin", "weight", "mutual", "hubness_max", "hubness_skew", "coverage")


def k_occurrence(pairs: pl.DataFrame, lenders: int) -> npt.NDArray[np.int64]:
    """How often each lender was borrowed from, int64 (lenders,), never-borrowed ones included.

    Args:
        pairs: pairs of one loan.
        lenders: how many windows could have lent.
    """
    borrowed = pairs.group_by("partner").len()["len"].sort().to_numpy()
    return np.concatenate([np.zeros(lenders - len(borrowed), dtype=np.int64), borrowed.astype(np.int64)])


def skewness(counts: npt.NDArray[np.int64]) -> float:
    """Third standardised moment; 0 where all counts are equal.

    Of the k-occurrence it is the usual measure of hubness (Radovanovic, Nanopoulos and
    Ivanovic, "Hubs in Space", JMLR 11, 2010, section 2.2).
    """
    centred = counts - counts.mean()
    deviation = float(np.sqrt((centred**2).mean()))
    return float((centred**3).mean()) / deviation**3 if deviation > 0 else 0.0


def quality_of(pairs: pl.DataFrame, lenders: int) -> dict[str, float]:
    """Label-free figures of one loan.

    Args:
        pairs: its pairs; without any, every figure is 0.
        lenders: how many windows could have lent.

    Returns:
        ``similarity``, ``margin`` and ``weight`` (means; the margin over pairs that have
        one), ``mutual`` (share of bound anchors with a mutual partner at rank 1), ``hubness_max`` and
        ``hubness_skew`` (of the k-occurrence), ``coverage`` (share of lenders borrowed).
    """
    if not pairs.height:
        return dict.fromkeys(FIGURES, 0.0)
    occurrence = k_occurrence(pairs, lenders)
    margins = pairs["margin"].drop_nulls().to_numpy()
    nearest = pairs.filter(pl.col("rank") == 1)
    return {
        "similarity": float(pairs["similarity"].to_numpy().mean()),
        "margin": float(margins.mean()) if len(margins) else 0.0,
        "weight": float(pairs["weight"].to_numpy().mean()),
        "mutual": int(nearest["mutual"].sum()) / nearest.height,
        "hubness_max": float(occurrence.max()),
        "hubness_skew": skewness(occurrence),
        "coverage": int((occurrence > 0).sum()) / lenders,
    }


def overall(figures: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over loans that bound anybody; of ``hubness_max`` the largest."""
    figures = [loan for loan in figures if loan["hubness_max"] > 0]
    mean = {name: float(np.mean([loan[name] for loan in figures])) for name in figures[0]}
    return {**mean, "hubness_max": max(loan["hubness_max"] for loan in figures)}

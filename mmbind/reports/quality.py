"""How good a binding looks without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

#: Names and levels of the quantiles that describe a distribution.
QUANTILES = {"p05": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}


@dataclass(frozen=True)
class Quality:
    """Label-free figures of one direction.

    Attributes:
        pairs: rows of the pairs table.
        anchors: windows that borrow.
        lenders: windows that could lend.
        similarity: mean and quantiles of the cosine similarity.
        margin: the same of the margin over the next best candidate; empty when no pair has one.
        weight: the same of the pairs' weights.
        mutual: share of anchors whose nearest partner has them as its nearest.
        occurrence: how often each lender is borrowed (its k-occurrence), int64 (lenders,).
        skewness: third standardised moment of the k-occurrence: 0 is even, above about 1
            a few hubs lend most (Radovanovic et al., JMLR 11, 2010, section 2.2).
        coverage: per lending source, the share of its windows that are borrowed at all.
    """

    pairs: int
    anchors: int
    lenders: int
    similarity: dict[str, float]
    margin: dict[str, float]
    weight: dict[str, float]
    mutual: float
    occurrence: npt.NDArray[np.int64]
    skewness: float
    coverage: dict[str, float]

    @property
    def covered(self) -> float:
        """Share of all lenders that are borrowed at least once."""
        return float((self.occurrence > 0).mean()) if self.lenders else 0.0

    @property
    def most_borrowed(self) -> int:
        """How often the largest hub is borrowed."""
        return int(self.occurrence.max(initial=0))


def spread(values: pl.Series) -> dict[str, float]:
    """Mean and quantiles (linear interpolation) of what is neither null nor NaN; empty if nothing is."""
    known = values.drop_nulls().drop_nans().to_numpy()
    if not len(known):
        return {}
    levels = np.quantile(known, list(QUANTILES.values()))
    return {"mean": float(known.mean()), **dict(zip(QUANTILES, map(float, levels), strict=True))}


def quality_of(pairs: pl.DataFrame, lenders: pl.DataFrame) -> Quality:
    """Figures of one direction.

    Args:
        pairs: its pairs, ``schema.PAIRS``.
        lenders: the windows that could lend (window, source).
    """
    borrowed = pairs.group_by("partner").agg(pl.len().cast(pl.Int64).alias("times"))
    counts = lenders.join(borrowed, left_on="window", right_on="partner", how="left", maintain_order="left")
    counts = counts.with_columns(pl.col("times").fill_null(0))
    shares = counts.group_by("source").agg((pl.col("times") > 0).mean().alias("share")).sort("source")
    nearest = pairs.filter(pl.col("rank") == pl.col("rank").min().over("anchor"))
    times = counts["times"]
    even = times.n_unique() < 2
    return Quality(
        pairs=pairs.height,
        anchors=pairs["anchor"].n_unique(),
        lenders=lenders.height,
        similarity=spread(pairs["similarity"]),
        margin=spread(pairs["margin"]),
        weight=spread(pairs["weight"]),
        mutual=int(nearest["mutual"].sum()) / nearest.height if nearest.height else 0.0,
        occurrence=times.to_numpy(),
        skewness=0.0 if even else float(times.skew() or 0.0),
        coverage=dict(shares.iter_rows()),
    )


def occurrence_table(occurrence: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The k-occurrence distribution.

    Args:
        occurrence: how often each lender is borrowed.

    Returns:
        ``(times, windows)``, both int64: how many windows are borrowed 0, 1, 2, ... times.
    """
    windows = np.bincount(occurrence, minlength=1).astype(np.int64)
    return np.arange(len(windows), dtype=np.int64), windows

"""Are calibrated weights what they say? Probabilities held against labels (evaluation only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from mmbind.reports.purity import labelled

#: Bins of equal width in [0, 1].
BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Probabilities against the share of pairs that are right.

    Attributes:
        bins: one row per bin that holds pairs, ascending: direction, probability (mean),
            right (share), pairs.
        error: expected calibration error, over all pairs.
    """

    bins: pl.DataFrame
    error: float


def reliability_of(pairs: pl.DataFrame) -> Reliability | None:
    """The reliability diagram (M. H. DeGroot and S. E. Fienberg, The Statistician 32, 1983).

    The expected calibration error is the mean of |probability - share right| over the bins,
    weighted by pairs (M. P. Naeini et al., AAAI 2015, equation 1).

    Args:
        pairs: with ``direction``, both labels and, where weights are calibrated, ``probability``.

    Returns:
        None when no weight is calibrated, or no pair has both labels.
    """
    if "probability" not in pairs.columns:
        return None
    known = labelled(pairs)
    if not known.height:
        return None
    number = (pl.col("probability") * BINS).floor().clip(0, BINS - 1)
    bins = _binned(known.with_columns(bin=number), ["direction", "bin"]).drop("bin")
    together = _binned(known.with_columns(bin=number), ["bin"])
    gaps = (together["probability"] - together["right"]).abs().to_numpy()
    return Reliability(bins, float(np.average(gaps, weights=together["pairs"].to_numpy())))


def _binned(pairs: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    counted = pairs.group_by(keys).agg(pl.col("probability").mean(), right=pl.col("same").mean(), pairs=pl.len())
    return counted.sort(keys)

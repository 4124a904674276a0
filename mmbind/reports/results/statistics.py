"""Means and paired differences of stored runs, with bootstrap intervals over rotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmbind.reports.comparison import CONFIDENCE, FEWEST

#: Resamples of a bootstrap, and the seed of their draw.
RESAMPLES, SEED = 10_000, 0


@dataclass(frozen=True)
class Difference:
    """A method minus a rival, paired.

    Attributes:
        by_rotation: the mean over seeds that both have, by rotation, in the order of their names.
        interval: the 95 % bootstrap interval of the mean over rotations; None from fewer than three.
    """

    by_rotation: dict[str, float]
    interval: tuple[float, float] | None

    @property
    def mean(self) -> float:
        """The mean over rotations."""
        return float(np.mean(list(self.by_rotation.values())))

    @property
    def above(self) -> bool:
        """Whether the interval lies above zero."""
        return self.interval is not None and self.interval[0] > 0

    @property
    def below(self) -> bool:
        """Whether the interval lies below zero."""
        return self.interval is not None and self.interval[1] < 0


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The percentile bootstrap interval of a mean (B. Efron, Annals of Statistics 7, 1979).

    Args:
        values: one per rotation.

    Returns:
        Its ends; None from fewer than three values, where resampling says nothing.
    """
    if len(values) < FEWEST:
        return None
    drawn = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    means = np.asarray(values, dtype=np.float64)[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def difference(runs: pl.DataFrame, method: str, rival: str, figure: str = "accuracy") -> Difference | None:
    """A method minus a rival on the rotations and seeds that both have.

    Args:
        runs: of one task, label count and draw.
        method: name of the method.
        rival: name of the rival.
        figure: the column.

    Returns:
        None when they share no rotation and seed.
    """
    ours, theirs = (runs.filter(pl.col("method") == name) for name in (method, rival))
    return paired(ours, theirs, figure)


def paired(ours: pl.DataFrame, theirs: pl.DataFrame, figure: str = "accuracy") -> Difference | None:
    """Some runs minus others on the rotations and seeds that both have; None when there is none.

    Args:
        ours: runs of one method.
        theirs: runs of what it is compared with.
        figure: the column.
    """
    both = ours.join(theirs, on=["rotation", "seed"], suffix="_rival")
    if not both.height:
        return None
    by = both.group_by("rotation").agg((pl.col(figure) - pl.col(f"{figure}_rival")).mean()).sort("rotation")
    found = dict(zip(by["rotation"].to_list(), by[figure].to_list(), strict=True))
    return Difference(found, bootstrap_interval(list(found.values())))


def spread(values: pl.Series) -> tuple[float, float | None]:
    """Mean and sample deviation (n - 1) over runs; a single run has none."""
    numbers = values.to_numpy()
    return float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else None

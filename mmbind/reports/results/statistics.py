"""Means and paired differences of stored runs, with intervals over rotations and seeds.

Two intervals guard a verdict, since rotations are few: the percentile bootstrap, which is shown,
and Student's, which is wider where there are very few; a difference counts when both leave out zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmbind.reports.comparison import CONFIDENCE, FEWEST
from mmbind.reports.comparison import interval as student_interval

#: Resamples of a bootstrap, and the seed of their draw.
RESAMPLES, SEED = 10_000, 0


@dataclass(frozen=True)
class Difference:
    """A method minus a rival, paired.

    Attributes:
        by_rotation: the mean over seeds that both have, by rotation, in the order of their names.
        by_seed: the mean over rotations that both have, by seed.
        interval: the 95 % bootstrap interval of the mean over rotations; None from fewer than three.
        student: the 95 % t interval of the same.
    """

    by_rotation: dict[str, float]
    by_seed: dict[int, float]
    interval: tuple[float, float] | None
    student: tuple[float, float] | None

    @property
    def mean(self) -> float:
        """The mean over rotations."""
        return float(np.mean(list(self.by_rotation.values())))

    @property
    def above(self) -> bool:
        """Whether both intervals lie above zero."""
        return all(ends is not None and ends[0] > 0 for ends in (self.interval, self.student))

    @property
    def below(self) -> bool:
        """Whether both intervals lie below zero."""
        return all(ends is not None and ends[1] < 0 for ends in (self.interval, self.student))

    @property
    def doubtful(self) -> bool:
        """Whether the bootstrap's interval leaves out zero and Student's does not."""
        apart = self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)
        return apart and not self.above and not self.below


def bootstrap_interval(values: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """The percentile bootstrap interval of a mean (B. Efron, Annals of Statistics 7, 1979), in two stages.

    Rotations are drawn with replacement, and within each of them its seeds (A. C. Davison and D. V.
    Hinkley, "Bootstrap methods and their application", 1997, section 3.8).

    Args:
        values: by rotation, one per seed; at least one each.

    Returns:
        The interval's ends; None from fewer than three rotations, where resampling says nothing.
    """
    if len(values) < FEWEST:
        return None
    generator, counts = np.random.default_rng(SEED), np.array([len(seeds) for seeds in values])
    drawn = generator.integers(len(values), size=(RESAMPLES, len(values)))
    table = np.zeros((len(values), counts.max()))
    for number, seeds in enumerate(values):
        table[number, : len(seeds)] = seeds
    here = counts[drawn][..., None]
    seed = np.floor(generator.random((*drawn.shape, counts.max())) * here).astype(np.int64)
    taken = np.arange(counts.max()) < here
    means = (np.where(taken, table[drawn[..., None], seed], 0.0).sum(axis=2) / here[..., 0]).mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def difference(runs: pl.DataFrame, method: str, rival: str) -> Difference | None:
    """The accuracy of a method minus that of a rival on the rotations and seeds that both have.

    Args:
        runs: of one task, label count and draw.
        method: name of the method.
        rival: name of the rival.

    Returns:
        None when they share no rotation and seed.
    """
    ours, theirs = (runs.filter(pl.col("method") == name) for name in (method, rival))
    return paired(ours, theirs)


def paired(ours: pl.DataFrame, theirs: pl.DataFrame) -> Difference | None:
    """The accuracy of some runs minus that of others on common rotations and seeds; None where there are none.

    Args:
        ours: runs of one method.
        theirs: runs of what it is compared with.
    """
    both = ours.join(theirs, on=["rotation", "seed"], suffix="_rival")
    if not both.height:
        return None
    both = both.select("rotation", "seed", by=pl.col("accuracy") - pl.col("accuracy_rival")).sort("rotation", "seed")
    rotations = both.group_by("rotation", maintain_order=True).agg(pl.col("by"))
    seeds = both.group_by("seed").agg(pl.col("by").mean()).sort("seed")
    values = rotations["by"].to_list()
    found = {name: float(np.mean(own)) for name, own in zip(rotations["rotation"].to_list(), values, strict=True)}
    by_seed = dict(zip(seeds["seed"].to_list(), seeds["by"].to_list(), strict=True))
    return Difference(found, by_seed, bootstrap_interval(values), student_interval(list(found.values())))


def spread(values: pl.Series) -> tuple[float, float | None]:
    """Mean and sample deviation (n - 1) over runs; a single run has none."""
    numbers = values.to_numpy()
    return float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else None

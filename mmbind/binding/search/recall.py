"""Proof that an approximate search finds what an exact one would: a bound, not a guess.

recall@k is the chance that a query's j-th true neighbour, with j drawn from 1 to k, is among
the k answers. One such draw per query of a random holdout makes independent trials with just
that chance of success, so the exact binomial bound holds for any k (C. Clopper, E. Pearson,
"The use of confidence or fiducial limits", Biometrika 26, 1934).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from mmbind.binding.search.candidates import Candidates


@dataclass(frozen=True)
class RecallBound:
    """What a holdout proves.

    Attributes:
        k: neighbours per query.
        holdout: queries drawn, none of which was used for tuning.
        misses: neighbours drawn that were not found.
        confidence: of the bound, over all attempts at a proof together.
        recall: lower bound of recall@k.
    """

    k: int
    holdout: int
    misses: int
    confidence: float
    recall: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, as JSON values."""
        return asdict(self)


def bound_recall(
    exact: Candidates, found: Candidates, *, confidence: float, attempts: int, generator: np.random.Generator
) -> RecallBound:
    """The lower bound of recall@k that a holdout proves.

    Args:
        exact: true neighbours of the holdout's queries (h, k).
        found: what the approximate search answers (h, k).
        confidence: wanted, e.g. 0.95.
        attempts: how many such proofs are tried at most before giving up; each gets its
            share of the chance of error (Bonferroni).
        generator: draws the neighbours that are looked for.
    """
    count, k = exact.positions.shape
    rows, drawn = np.arange(count), generator.integers(0, k, count)
    wanted, similarity = exact.positions[rows, drawn], exact.similarities[rows, drawn]
    # among equal similarities one lender is as near as the other
    hit = (found.positions == wanted[:, None]) | (found.similarities == similarity[:, None])
    misses = int(count - hit.any(axis=1).sum())
    error = (1 - confidence) / attempts
    recall = float(stats.beta.ppf(error, count - misses, misses + 1)) if misses < count else 0.0
    return RecallBound(k, count, misses, confidence, recall)


def recall_of(exact: Candidates, found: Candidates) -> float:
    """Share of all true neighbours that were found, for tuning; a twin is as good as the neighbour."""
    farthest = exact.similarities[:, -1:]
    return float((found.similarities >= farthest).sum() / exact.positions.size)


def holdout_size(recall: float) -> int:
    """Queries of a holdout: 10 misses at the recall that is to be proven, so that 3 still prove it."""
    return int(np.ceil(round(10 / (1 - recall), 6)))

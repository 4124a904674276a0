"""Weights that mean something: from a pair's score to the probability that the pair is right.

No label is needed. A pair (i, j) is *cycle-consistent* when the window that j itself chooses
among i's own is i, or one of the windows most like i: whoever does the same has the same
partners, so a pair that leads back is right far more often than one that leads astray. The
share of consistent pairs at a score is the probability, made monotone: a higher score never
means less (pool adjacent violators: R. E. Barlow et al., "Statistical inference under order
restrictions", 1972; as calibration: B. Zadrozny and C. Elkan, KDD 2002).

How many windows count as "most like i" sets the level; where labels are known, the binding
report's reliability diagram tells whether it is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import isotonic_regression

from mmbind.binding.graph import Floats, Graph, Ints, Mask
from mmbind.binding.select import Selection


@dataclass(frozen=True)
class Calibration:
    """A monotone map from scores to probabilities: lines between points, flat beyond them.

    Attributes:
        scores: ascending (points).
        probabilities: never falling, in [0, 1] (points).
    """

    scores: Floats
    probabilities: Floats

    @classmethod
    def fit(cls, scores: Floats, right: Mask) -> Self:
        """Fits the map by isotonic regression.

        Each level is smoothed as if one more pair, as often right as all of them, had been seen
        there, so that a few lucky pairs are not taken for certainty.

        Args:
            scores: of the pairs (n), at least one.
            right: whether each pair counts as right (n).
        """
        values, place = np.unique(scores, return_inverse=True)
        pairs, hits = np.bincount(place), np.bincount(place, weights=right)
        starts = isotonic_regression(hits / pairs, weights=pairs).blocks[:-1]
        sizes = np.add.reduceat(pairs, starts)
        levels = (np.add.reduceat(hits, starts) + right.mean()) / (sizes + 1)
        return cls(np.add.reduceat(values * pairs, starts) / sizes, np.maximum.accumulate(levels))

    def __call__(self, scores: Floats) -> Floats:
        """Probabilities of pairs with these scores, float64 of any shape."""
        return np.interp(scores, self.scores, self.probabilities)

    def to_dict(self) -> dict[str, Any]:
        """The points, as JSON."""
        return {"scores": self.scores.tolist(), "probabilities": self.probabilities.tolist()}


def find_consistent(graph: Graph, there: Selection, back: Selection, neighbours: Ints) -> tuple[Floats, Mask]:
    """Which anchors' best pairs lead back to them.

    Args:
        graph: candidates of the anchors.
        there: what the anchors chose.
        back: what the lenders chose among the anchors, of ``graph.transposed``.
        neighbours: the anchors most like each anchor, itself left out, int64 (anchors, k).

    Returns:
        Scores of the best pairs of those anchors whose partner chose somebody, and whether
        each is cycle-consistent.
    """
    chosen = there.edges[:, 0]
    anchors = np.flatnonzero(chosen >= 0)
    partners = graph.lenders[chosen[anchors]]
    returned = back.edges[partners, 0]
    anchors, returned = anchors[returned >= 0], returned[returned >= 0]
    ends = graph.transposed.lenders[returned]
    near = (neighbours[anchors] == ends[:, None]).any(axis=1)
    return graph.scores[chosen[anchors]], (ends == anchors) | near

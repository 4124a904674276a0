"""Weights that mean something: from a pair's score to the probability that the pair is right.

The share of pairs that are right at a score, made monotone: a higher score never means less
(pool adjacent violators: R. E. Barlow et al., "Statistical inference under order
restrictions", 1972; as calibration: B. Zadrozny and C. Elkan, KDD 2002). Who is right is told

*by cycles*, the default, without labels: the share of cycles (:mod:`mmbind.binding.cycles`) that close is that
of two right choices, there and back. Both have much the same score, so the probability of one
is the square root. Every partner of an anchor counts, not the first alone.

*by labels*: the target's few labelled windows (:mod:`mmbind.binding.labelled`), each beside its best
match among those of other people. So few windows make a coarse map, and the best of few fits less
well than the best of thousands, so that the upper end is told by little.

Where labels are known, the binding report's reliability diagram tells whether it is so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import isotonic_regression

from mmbind.binding.cycles import walk
from mmbind.binding.graph import Floats, Graph, Mask
from mmbind.binding.search.candidates import Vectors
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


def by_cycles(graph: Graph, there: Selection, back: Selection, vectors: Vectors, neighbours: int | None) -> Calibration:
    """From scores to probabilities, by the pairs that lead back to windows like their anchors.

    Args:
        graph: candidates of the anchors.
        there: what the anchors chose.
        back: what the lenders chose among the anchors, of ``graph.transposed``.
        vectors: embeddings of the anchors, float32 (anchors, dimensions).
        neighbours: see :meth:`mmbind.binding.cycles.Cycles.closed`.
    """
    cycles = walk(graph, there, back, vectors)
    if not len(cycles.scores):
        return Calibration(np.zeros(1), np.zeros(1))
    both = Calibration.fit(cycles.scores, cycles.closed(neighbours))
    return Calibration(both.scores, np.sqrt(both.probabilities))


def by_labels(scores: Floats, labels: Sequence[str], people: Sequence[str]) -> Calibration:
    """From scores to probabilities, by the best match that each labelled window has among those of other people.

    Partners are the best of many, so best matches are what they are compared with: among all pairs of
    a score far fewer are right.

    Args:
        scores: of all pairs of windows, float64 (n, n); those of one person are not looked at. Ties
            go to the first window.
        labels: of each window (n).
        people: whom each window is of (n), at least two.
    """
    classes, owners = (np.unique(np.asarray(each), return_inverse=True)[1] for each in (labels, people))
    apart = np.where(owners[:, None] != owners, scores, -np.inf)
    best = apart.argmax(axis=1)
    return Calibration.fit(apart[np.arange(len(best)), best], classes == classes[best])

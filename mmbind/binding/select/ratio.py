"""The ratio test: a pair counts only where the next candidate is clearly farther away.

D. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60, 2004, section
7.1. Scores are correlations s, so distances are sqrt(2 - 2 s), as of unit vectors.
"""

from __future__ import annotations

import numpy as np

from mmbind.binding.graph import Graph
from mmbind.binding.select.base import Rule, Selection, taken, values_of
from mmbind.config.binding import Ratio


class RatioRule(Rule):
    """Takes the best candidates of anchors that pass; a window without a next candidate passes."""

    refusal = "fails the ratio test"
    needs_candidates = False

    def __init__(self, settings: Ratio) -> None:
        """Keeps the largest ratio of two distances."""
        self._ratio = settings.ratio

    def select(self, graph: Graph, partners: int) -> Selection:
        """See :meth:`Rule.select`."""
        edges = graph.best(partners + 1)
        scores = values_of(graph.scores, edges, -np.inf)
        distances = np.sqrt(np.maximum(2 - 2 * scores, 0.0))
        passes = distances[:, partners - 1] <= self._ratio * distances[:, partners]
        passes |= edges[:, partners] < 0
        return taken(np.where(passes[:, None], edges[:, :partners], -1))

"""Cross-domain similarity local scaling, against hubs.

csls(x, y) = 2 s(x, y) - r(x) - r(y), with r the mean score of a window's best candidates on
the other side (A. Conneau et al., "Word translation without parallel data", ICLR 2018,
section 2.3). A lender that is near to everybody has a high r, and stands back.
"""

from __future__ import annotations

import numpy as np

from mmbind.binding.graph import Floats, Graph
from mmbind.binding.select.base import Rule, Selection, taken, values_of
from mmbind.binding.select.softmax import shares_of
from mmbind.config.binding import Csls


class CslsRule(Rule):
    """Takes the candidates with the highest locally scaled scores."""

    def __init__(self, settings: Csls) -> None:
        """Keeps the size of a neighbourhood and the temperature."""
        self._neighbours, self._temperature = settings.neighbours, settings.temperature

    def select(self, graph: Graph, partners: int) -> Selection:
        """See :meth:`Rule.select`."""
        ours, theirs = self._crowding(graph), self._crowding(graph.transposed)
        scaled = 2 * graph.scores - ours[graph.anchors] - theirs[graph.lenders]
        edges = graph.best(partners, scaled)
        return taken(edges, shares_of(scaled, edges, self._temperature))

    def _crowding(self, graph: Graph) -> Floats:
        """Mean score of every row's best candidates (anchors); 0 where it has none."""
        edges = graph.best(self._neighbours)
        count = (edges >= 0).sum(axis=1)
        return np.asarray(values_of(graph.scores, edges, 0.0).sum(axis=1) / np.maximum(count, 1))

"""The best candidates, weighted by a softmax of their scores.

The weights of attention over retrieved neighbours (N. Plotz, S. Roth, "Neural nearest
neighbors networks", NeurIPS 2018, eq. 3): share_j = exp(s_j / t) / sum_k exp(s_k / t).
"""

from __future__ import annotations

import numpy as np

from mmbind.binding.graph import Floats, Graph, Ints
from mmbind.binding.select.base import Rule, Selection, taken, values_of
from mmbind.config.binding import Softmax


class SoftmaxRule(Rule):
    """Takes the best candidates; their shares add up to one."""

    needs_candidates = False

    def __init__(self, settings: Softmax) -> None:
        """Keeps the temperature, in units of the score."""
        self._temperature = settings.temperature

    def select(self, graph: Graph, partners: int) -> Selection:
        """See :meth:`Rule.select`."""
        edges = graph.best(partners)
        return taken(edges, shares_of(graph.scores, edges, self._temperature))


def shares_of(values: Floats, edges: Ints, temperature: float) -> Floats:
    """Softmax over the partners of each anchor.

    Args:
        values: float64 (edges,), what partners are ranked by.
        edges: int64 (anchors, partners), the best first; -1 where there are fewer.
        temperature: in units of the values.

    Returns:
        float64 (anchors, partners): each anchor's sum to 1, or are 0 where it has none.
    """
    scores = values_of(values, edges, -np.inf) / temperature
    # an anchor without candidates has only -inf
    powers = np.exp(scores - np.where(edges[:, :1] >= 0, scores[:, :1], 0.0))
    total = powers.sum(axis=1, keepdims=True)
    return np.asarray(powers / np.where(total > 0, total, 1.0))

"""Partners that choose each other: mutual nearest neighbours.

K. Gowda, G. Krishna, "Agglomerative clustering using the concept of mutual nearest
neighbourhood", Pattern Recognition 10, 1978. With several partners: windows that are among
the best of each other.
"""

from __future__ import annotations

import numpy as np

from mmbind.binding.graph import Graph
from mmbind.binding.select.base import Rule, Selection, taken
from mmbind.config.binding import Mutual


class MutualRule(Rule):
    """Takes those of an anchor's best lenders that have it among their best anchors."""

    refusal = "is not chosen by those it chooses"
    needs_candidates = False

    def __init__(self, settings: Mutual) -> None:
        """Has no settings."""

    def select(self, graph: Graph, partners: int) -> Selection:
        """See :meth:`Rule.select`."""
        ours = graph.best(partners)
        chosen = np.zeros(len(graph.lenders))
        chosen[ours[ours >= 0]] = 1.0
        theirs = graph.transposed.best(partners)
        back = np.zeros(len(graph.lenders))
        back[theirs[theirs >= 0]] = 1.0
        both = (chosen > 0) & (graph.transposed.to_transposed(back) > 0)
        return taken(graph.best(partners, np.where(both, graph.scores, -np.inf)))

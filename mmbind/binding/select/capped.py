"""A cap on how often a window is borrowed: greedy b-matching.

Pairs are taken from the highest score down, as long as the anchor wants one more partner and
the lender has lent less than ``cap`` times; half of the best total score at least (D. Avis,
"A survey of heuristics for the weighted matching problem", Networks 13, 1983).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mmbind.binding.graph import Floats, Graph, Ints
from mmbind.binding.select.base import Rule, Selection, taken
from mmbind.config.binding import Capped


class CappedRule(Rule):
    """Takes the best pairs first; a window that has lent often enough lends no more."""

    refusal = "has only candidates that have lent as often as they may"

    def __init__(self, settings: Capped) -> None:
        """Keeps the cap."""
        self._cap = settings.cap

    def select(self, graph: Graph, partners: int) -> Selection:
        """See :meth:`Rule.select`."""
        order = np.argsort(-graph.scores, kind="stable")
        kept = np.full(len(graph.scores), -np.inf)
        used = np.zeros(graph.height, dtype=np.int64)
        lent = np.zeros(graph.width, dtype=np.int64)
        _match(order, graph.anchors, graph.lenders, partners, self._cap, used, lent, graph.scores, kept)
        return taken(graph.best(partners, kept))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _match(
    order: Ints,
    anchors: Ints,
    lenders: Ints,
    partners: int,
    cap: int,
    used: Ints,
    lent: Ints,
    scores: Floats,
    kept: Floats,
) -> None:
    """Gives ``kept`` the scores of the pairs that are taken."""
    for edge in order:
        anchor, lender = anchors[edge], lenders[edge]
        if used[anchor] < partners and lent[lender] < cap:
            used[anchor] += 1
            lent[lender] += 1
            kept[edge] = scores[edge]

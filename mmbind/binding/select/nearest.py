"""The best candidates of every anchor (MMBind, arXiv 2411.12126, section 4: the best one)."""

from __future__ import annotations

from mmbind.binding.graph import Graph
from mmbind.binding.select.base import Rule, Selection, taken
from mmbind.config.binding import Nearest


class NearestRule(Rule):
    """Takes the candidates with the highest scores; each counts fully."""

    needs_candidates = False

    def __init__(self, settings: Nearest) -> None:
        """Has no settings."""

    def select(self, graph: Graph, partners: int) -> Selection:
        """See :meth:`Rule.select`."""
        return taken(graph.best(partners))

"""What a selection rule is: a graph of candidates in, partners out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from mmbind.binding.graph import Floats, Graph, Ints, Mask

#: Why an anchor has no partner when nobody was left to choose from.
NO_CANDIDATE = "has no candidate"


@dataclass(frozen=True)
class Selection:
    """The partners of every anchor.

    Attributes:
        edges: edges of the graph, int64 (anchors, partners), best first; -1 for none, which
            come last.
        shares: what a partner counts among those of its anchor, in [0, 1], float64 (anchors,
            partners); 0 for none.
    """

    edges: Ints
    shares: Floats

    @property
    def bound(self) -> Mask:
        """Whether each anchor has a partner, (anchors)."""
        return np.asarray(self.edges[:, 0] >= 0)


class Rule(ABC):
    """Base of all selection rules."""

    #: Why a rule leaves an anchor that has candidates without a partner.
    refusal: str = NO_CANDIDATE
    #: Whether the rule reads candidates beyond those it takes and the next one.
    needs_candidates: bool = True

    @abstractmethod
    def select(self, graph: Graph, partners: int) -> Selection:
        """Chooses the partners of every anchor.

        Args:
            graph: the candidates.
            partners: how many an anchor may have.
        """


def taken(edges: Ints, shares: Floats | None = None) -> Selection:
    """A selection of edges, int64 (anchors, partners), that all count fully unless shares are given."""
    return Selection(edges, np.where(edges >= 0, 1.0 if shares is None else shares, 0.0))


def values_of(values: Floats, edges: Ints, missing: float) -> Floats:
    """Values of chosen edges (anchors, partners); ``missing`` where there is none."""
    padded = np.append(values, missing)  # position -1 is the last one
    return np.asarray(padded[edges])

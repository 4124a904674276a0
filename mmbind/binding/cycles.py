"""Cycles: what a pair's own choices tell about it, without labels.

Anchor i chose partner j, and j in turn chooses among the windows of i's role. Where both
choices were right, j's choice j' does what i does, so it lies among the windows most like i; where
one was wrong it lies anywhere. A cycle i -> j -> j' is *closed* when j' lies within a *radius*
of i: as a share of the role's windows, those most like i. How large a radius tells most is read
from the cycles: the share of cycles that end within a radius exceeds the radius itself, which
is what chance would close, most where the windows that do the same end (the largest distance
of two distributions, as in the test of Kolmogorov and Smirnov; J of W. J. Youden, Cancer 3,
1950). A third of that is asked for, since the edge is the place of the windows hardest to tell.

Cycle consistency as a measure of correspondence: J. Y. Zhu et al., ICCV 2017, arXiv 1703.10593.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from mmbind.binding.graph import Floats, Graph, Ints, Mask
from mmbind.binding.search.candidates import Vectors
from mmbind.binding.search.rescore import inner_product, lengths
from mmbind.binding.select import Selection

#: Anchors whose cycles are walked, and windows of their role that ends are ranked among: at
#: most so many, evenly spread over the windows' ids, which are digests.
ANCHORS, REFERENCES = 2_000, 8_000
#: Share of the radius that tells most, within which a cycle has to end.
PART = 1 / 3


@dataclass(frozen=True)
class Cycles:
    """Walks there and back, one per partner of an anchor and choice of that partner.

    Attributes:
        scores: of the pairs that begin the walks, float64 (n).
        ends: how far from its anchor each walk ends, float64 (n): the share of the role's
            windows that are more like the anchor, half of those that are equally like it
            included; 0 for the anchor itself.
        windows: number of windows that ends are ranked among, the anchor left out.
    """

    scores: Floats
    ends: Floats
    windows: int

    def closed(self, neighbours: int | None = None) -> Mask:
        """Whether each walk ends near enough, (n).

        Args:
            neighbours: windows most like an anchor that count as near; None: as many as
                tell most, see the module.
        """
        one = 1 / max(self.windows, 1)
        return np.asarray(self.ends <= (max(PART * self._edge(), one) if neighbours is None else neighbours * one))

    def _edge(self) -> float:
        """The radius at which the share of walks that end within it exceeds it most."""
        ends, counts = np.unique(self.ends, return_counts=True)
        within = np.cumsum(counts) / len(self.ends)
        return float(ends[np.argmax(within - ends)])


def walk(graph: Graph, there: Selection, back: Selection, vectors: Vectors) -> Cycles:
    """Follows the anchors' choices and their partners' choices.

    Args:
        graph: candidates of the anchors.
        there: what the anchors chose.
        back: what the lenders chose among the anchors, of ``graph.transposed``.
        vectors: embeddings of the anchors, float32 (anchors, dimensions).

    Returns:
        All cycles of at most :data:`ANCHORS` bound anchors; memory O(anchors walked x partners
        squared + references).
    """
    bound = np.flatnonzero(there.bound)
    anchors = _spread(bound, ANCHORS)
    edges = there.edges[anchors]  # (walked, partners)
    chosen = edges[:, :, None].repeat(back.edges.shape[1], axis=2)
    returned = back.edges[graph.lenders[np.maximum(edges, 0)]]  # (walked, partners, choices)
    real = (chosen >= 0) & (returned >= 0)
    references = _spread(np.arange(graph.height), REFERENCES)
    others = min(graph.height - 1, REFERENCES)
    if not real.any():
        return Cycles(np.empty(0), np.empty(0), others)
    ends = np.where(real, graph.transposed.lenders[np.maximum(returned, 0)], -1)
    near = np.empty(ends.shape)
    rows = np.ascontiguousarray(vectors)
    _rank(rows, lengths(rows), anchors, references, ends.reshape(len(anchors), -1), near.reshape(len(anchors), -1))
    return Cycles(graph.scores[chosen[real]], near[real], others)


def _spread(rows: Ints, count: int) -> Ints:
    """At most so many rows, evenly spread."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(np.int64)]


@njit(parallel=True, cache=True)  # type: ignore[untyped-decorator]
def _rank(vectors: Vectors, sizes: Floats, anchors: Ints, references: Ints, ends: Ints, out: Floats) -> None:
    """Where each anchor's ends stand among the references, by cosine; see :class:`Cycles`."""
    for row in prange(len(anchors)):
        anchor = anchors[row]
        cosines = np.empty(len(references))
        known = 0
        for reference in references:
            if reference != anchor:
                cosines[known] = inner_product(vectors[anchor], vectors[reference]) / sizes[reference]
                known += 1
        cosines = np.sort(cosines[:known])
        for column in range(ends.shape[1]):
            end = ends[row, column]
            if end < 0 or end == anchor or known == 0:
                out[row, column] = 0.0
                continue
            cosine = inner_product(vectors[anchor], vectors[end]) / sizes[end]
            more = known - np.searchsorted(cosines, cosine, side="right")
            same = known - more - np.searchsorted(cosines, cosine, side="left")
            out[row, column] = (more + (same + 1) / 2) / known

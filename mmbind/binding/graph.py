"""The graph of candidates: which windows might lend to which anchors, and how well they fit.

Rows are anchors, columns lenders, stored row by row (CSR). An edge is there when either
window was proposed to the other, so that every rule sees both directions, and the graph of
the opposite loan is the transposed one. Memory: O(anchors x candidates).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
from numba import njit, prange

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Graph:
    """Candidates of every anchor.

    Attributes:
        starts: row i holds the edges ``starts[i]`` to ``starts[i + 1]``, int64 (anchors + 1).
        lenders: column of each edge, ascending within a row, int64 (edges).
        similarities: cosine of the embeddings, float64 (edges).
        scores: what edges are ranked by, the higher the better, float64 (edges).
        width: number of lenders, those without an edge included.
    """

    starts: Ints
    lenders: Ints
    similarities: Floats
    scores: Floats
    width: int

    @property
    def height(self) -> int:
        """Number of anchors, those without an edge included."""
        return len(self.starts) - 1

    @cached_property
    def anchors(self) -> Ints:
        """Row of each edge, int64 (edges)."""
        return np.repeat(np.arange(self.height), np.diff(self.starts))

    @cached_property
    def _by_lender(self) -> Ints:
        """Edges sorted by (lender, anchor)."""
        return np.argsort(self.lenders, kind="stable")

    @cached_property
    def transposed(self) -> Graph:
        """The graph in which lenders are anchors and anchors lend; its ``transposed`` is this one."""
        order = self._by_lender
        starts = _starts(self.lenders, self.width)
        other = Graph(starts, self.anchors[order], self.similarities[order], self.scores[order], self.height)
        other.__dict__["transposed"] = self
        return other

    def to_transposed(self, values: Floats) -> Floats:
        """Values of edges (edges), in the order of the edges of :attr:`transposed`."""
        return values[self._by_lender]

    def rescored(self, scores: Floats) -> Self:
        """The same edges with other scores (edges)."""
        return type(self)(self.starts, self.lenders, self.similarities, scores, self.width)

    def only(self, keep: Mask) -> Self:
        """The edges of a mask (edges)."""
        starts = _starts(self.anchors[keep], self.height)
        return type(self)(starts, self.lenders[keep], self.similarities[keep], self.scores[keep], self.width)

    def best(self, count: int, by: Floats | None = None) -> Ints:
        """The best edges of every row, int64 (anchors, count), best first; -1 where a row has fewer.

        Args:
            count: how many.
            by: what to rank by (edges), ``scores`` when None; minus infinity is never
                taken, and ties go to the lowest column.
        """
        out = np.full((self.height, count), -1, dtype=np.int64)
        _best(self.starts, self.scores if by is None else by, out)
        return out

    def favourites(self) -> Ints:
        """The best lender of every anchor, int64 (anchors); -1 where it has no candidate."""
        edges = self.best(1)[:, 0]
        return np.where(edges >= 0, self.lenders[edges], -1) if len(self.lenders) else edges


def build_graph(rows: Ints, columns: Ints, similarities: Floats, scores: Floats, shape: tuple[int, int]) -> Graph:
    """Collects edges in any order; of equal ones, whose values agree, one is kept.

    Args:
        rows: anchor of each edge (edges).
        columns: lender of each edge (edges); edges with a negative end are left out.
        similarities: cosine of each edge (edges).
        scores: score of each edge (edges).
        shape: number of anchors and of lenders.
    """
    height, width = shape
    real = np.flatnonzero((rows >= 0) & (columns >= 0))
    keys, first = np.unique(rows[real] * width + columns[real], return_index=True)
    chosen = real[first]
    return Graph(_starts(keys // width, height), keys % width, similarities[chosen], scores[chosen], width)


def _starts(rows: Ints, height: int) -> Ints:
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=height))]).astype(np.int64)


@njit(parallel=True, cache=True)  # type: ignore[untyped-decorator]
def _best(starts: Ints, values: Floats, out: Ints) -> None:
    """Insertion into a short sorted list per row."""
    count = out.shape[1]
    for row in prange(len(starts) - 1):
        found = 0
        for edge in range(starts[row], starts[row + 1]):
            value = values[edge]
            if value == -np.inf or (found == count and not value > values[out[row, count - 1]]):
                continue
            place = min(found, count - 1)
            while place > 0 and value > values[out[row, place - 1]]:
                out[row, place] = out[row, place - 1]
                place -= 1
            out[row, place] = edge
            found = min(found + 1, count)

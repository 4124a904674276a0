"""Exact nearest neighbours by cosine, the same to the byte on any number of threads.

The processor's float32 products only propose: their last bits depend on blocks, threads and
device. A few candidates more than asked for are scored again in float64 and sorted by
(similarity descending, lender ascending). Where float32 cannot tell the last candidate
proposed from the last one wanted, more are proposed, and at last, as among duplicates, every
lender within the rounding error is scored. So a GPU gives the bytes that a CPU gives.

Rounding bound: |fl(x.y) - x.y| <= d u / (1 - d u) |x||y| with u = 2^-24 for sums in any order
(N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, eq. 3.5).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mmbind.binding.search.batches import in_batches
from mmbind.binding.search.candidates import Candidates, Floats, Ints, Vectors
from mmbind.binding.search.products import Products, products_on
from mmbind.binding.search.rescore import lengths, rank

#: Least number of candidates that are proposed beyond those asked for.
MARGIN = 4
#: The second try proposes this many times the margin.
WIDER = 16
#: Entries of one block of the exhaustive pass.
BLOCK_ENTRIES = 1 << 24


def exact_nearest(queries: Vectors, lenders: Vectors, k: int, device: str = "cpu") -> Candidates:
    """Finds the k most similar lenders of every query, exactly.

    Args:
        queries: unit vectors, float32 (m, d); a memory map is read batch by batch.
        lenders: unit vectors, float32 (n, d), in the order in which ties are won.
        k: how many to find; at most n are.
        device: where products are computed; the answer is the same.

    Returns:
        Candidates of shape (m, min(k, n)). Memory beside the inputs: O(m k).
    """
    search = _Exact(lenders, min(k, len(lenders)), products_on(device, lenders))
    out = Candidates.empty(len(queries), search.wanted)

    def work(batch: slice) -> None:
        similarities, positions = search.answer(np.ascontiguousarray(queries[batch]))
        out.similarities[batch], out.positions[batch] = similarities, positions

    in_batches(work, len(queries), "search: batches of anchors")
    return out


class _Exact:
    """An exact search among some lenders."""

    def __init__(self, lenders: Vectors, wanted: int, products: Products) -> None:
        self.wanted = wanted
        self._lenders, self._products = lenders, products
        self._lengths = lengths(lenders)
        self._tolerance = 2 * _rounding(lenders.shape[1])

    def answer(self, queries: Vectors) -> tuple[Floats, Ints]:
        """Similarities and positions of one batch, (m, wanted) each."""
        similarities = np.empty((len(queries), self.wanted))
        positions = np.empty((len(queries), self.wanted), dtype=np.int64)
        norms = lengths(queries)
        margin = max(MARGIN, self.wanted // 16)
        rows = np.arange(len(queries))
        for proposed in (self.wanted + margin, self.wanted + WIDER * margin):
            proposed = min(proposed, len(self._lenders))
            asked = queries if len(rows) == len(queries) else queries[rows]
            rough, near = self._products(asked, proposed)
            best, where = similarities[: len(rows)].copy(), positions[: len(rows)].copy()
            rank(asked, norms[rows], self._lenders, self._lengths, near, best, where)
            similarities[rows], positions[rows] = best, where
            if proposed == len(self._lenders):
                return similarities, positions
            rows = rows[rough[:, -1] >= best[:, -1] - self._tolerance]
            if not len(rows):
                return similarities, positions
        self._settle(queries, norms, rows, similarities, positions)
        return similarities, positions

    def _settle(self, queries: Vectors, norms: Floats, rows: Ints, similarities: Floats, positions: Ints) -> None:
        """Searches again, through all lenders, for queries whose candidates may be incomplete.

        Args:
            queries: of the batch (m, d).
            norms: their lengths (m).
            rows: the queries meant (u).
            similarities: corrected in place (m, wanted).
            positions: corrected in place (m, wanted).
        """
        distinct, group, copies = _distinct(self._lenders, self.wanted)
        size = max(1, BLOCK_ENTRIES // len(distinct))
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            rough = queries[block] @ self._lenders[distinct].T
            for row, scores in zip(block, rough, strict=True):
                near = copies[(scores >= similarities[row, -1] - self._tolerance)[group]][None]
                here = slice(row, row + 1)
                rank(
                    queries[here],
                    norms[here],
                    self._lenders,
                    self._lengths,
                    near,
                    similarities[here],
                    positions[here],
                )


def _rounding(dimensions: int) -> float:
    """Largest error of a float32 inner product of vectors whose length is 1 in float32."""
    unit = 2.0**-24
    return (dimensions + 4) * unit / (1 - (dimensions + 4) * unit)


def _distinct(lenders: Vectors, keep: int) -> tuple[Ints, Ints, npt.NDArray[np.int64]]:
    """Groups equal lenders; of many copies only the first ``keep`` can ever be wanted.

    Returns:
        One position per distinct vector; and the group and the position of each kept copy.
    """
    rows = np.ascontiguousarray(lenders).view(np.dtype((np.void, lenders.shape[1] * lenders.itemsize))).ravel()
    _, first, group = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(group, kind="stable").astype(np.int64)
    sizes = np.bincount(group)
    nth_copy = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = order[nth_copy < keep]
    return first.astype(np.int64), group[kept].astype(np.int64), kept

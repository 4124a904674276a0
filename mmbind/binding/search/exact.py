"""Exact nearest neighbours by cosine, the same to the byte on any number of threads.

FAISS multiplies in float32, and the last bits of its sums depend on batch size and thread
count. So it only proposes: a few candidates more than asked for are scored again in float64,
one sum per pair in a fixed order, and sorted by (similarity descending, lender ascending).
Where float32 cannot tell the last candidate proposed from the last one wanted, as among
duplicates, every lender within the rounding error is scored.

Rounding bound: |fl(x.y) - x.y| <= d u / (1 - d u) |x||y| with u = 2^-24 for sums in any order
(N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, eq. 3.5).
"""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

from mmbind.binding.search.candidates import Candidates, Vectors
from mmbind.progress import progress

#: Candidates that FAISS proposes beyond those asked for.
MARGIN = 16
#: Least queries per call: fewer leave the fast path of FAISS.
BATCH = 1000
#: Entries of one block of the exhaustive pass.
BLOCK_ENTRIES = 1 << 24


def nearest(queries: Vectors, lenders: Vectors, k: int) -> Candidates:
    """Finds the k most similar lenders of every query, exactly.

    Args:
        queries: unit vectors, float32 (m, d).
        lenders: unit vectors, float32 (n, d), in the order in which ties are won.
        k: how many to find; at most n are.

    Returns:
        Candidates of shape (m, min(k, n)). Memory beside the inputs: O(m k).
    """
    wanted = min(k, len(lenders))
    proposed = min(wanted + MARGIN, len(lenders))
    out = Candidates(np.empty((len(queries), wanted)), np.empty((len(queries), wanted), dtype=np.int64))
    tolerance = 2 * _rounding(queries.shape[1])
    batches = np.array_split(np.arange(len(queries)), max(1, len(queries) // BATCH))
    for batch in progress(batches, "search: batches of anchors"):
        rough, positions = faiss.knn(queries[batch], lenders, proposed, metric=faiss.METRIC_INNER_PRODUCT)
        exact, positions = _ranked(_cosines(queries[batch], lenders, positions), positions)
        out.similarities[batch], out.positions[batch] = exact[:, :wanted], positions[:, :wanted]
        if proposed < len(lenders):
            threshold = exact[:, wanted - 1] - tolerance
            unsettled = np.flatnonzero(rough[:, -1] >= threshold)
            _settle(queries, lenders, batch[unsettled], threshold[unsettled], out)
    return out


def _rounding(dimensions: int) -> float:
    """Largest error of a float32 inner product of vectors whose length is 1 in float32."""
    unit = 2.0**-24
    return (dimensions + 4) * unit / (1 - (dimensions + 4) * unit)


def _unit(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Vectors in float64, their length rounded away."""
    doubles = vectors.astype(np.float64)
    return np.asarray(doubles / np.sqrt((doubles * doubles).sum(axis=-1, keepdims=True)))


def _cosines(queries: Vectors, lenders: Vectors, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Cosines in float64 of each query (m, d) with its own lenders (m, c), clipped to [-1, 1]."""
    units = _unit(queries)
    out = np.empty(positions.shape)
    for column in range(positions.shape[1]):
        out[:, column] = (units * _unit(lenders[positions[:, column]])).sum(axis=1)
    return np.clip(out, -1.0, 1.0)


def _ranked(
    similarities: npt.NDArray[np.float64], positions: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Sorts every row by (similarity descending, position ascending)."""
    order = np.lexsort((positions, -similarities), axis=-1)
    return np.take_along_axis(similarities, order, axis=1), np.take_along_axis(positions, order, axis=1)


def _settle(
    queries: Vectors,
    lenders: Vectors,
    rows: npt.NDArray[np.int64],
    thresholds: npt.NDArray[np.float64],
    out: Candidates,
) -> None:
    """Searches again, through all lenders, for queries whose candidates may be incomplete.

    Args:
        queries: all queries (m, d).
        lenders: all lenders (n, d).
        rows: the queries meant (u).
        thresholds: the similarity below which a lender cannot be wanted (u).
        out: the answer, corrected in place.
    """
    if not len(rows):
        return
    wanted = out.positions.shape[1]
    distinct, group, copies = _distinct(lenders, wanted)
    size = max(1, BLOCK_ENTRIES // len(distinct))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        rough = queries[block] @ lenders[distinct].T
        for row, scores, threshold in zip(block, rough, thresholds[start : start + size], strict=True):
            near = copies[(scores >= threshold)[group]][None]
            exact, near = _ranked(_cosines(queries[[row]], lenders, near), near)
            out.similarities[row], out.positions[row] = exact[0, :wanted], near[0, :wanted]


def _distinct(
    lenders: Vectors, keep: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
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

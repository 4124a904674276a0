"""Proposed candidates scored again in float64, one sum per pair in a fixed order."""

from __future__ import annotations

import numpy as np
from numba import njit

from mmbind.binding.search.candidates import Floats, Ints, Vectors


def lengths(vectors: Vectors) -> Floats:
    """Euclidean lengths, float64 (n); they are 1 but for the rounding of float32."""
    out = np.empty(len(vectors))
    _lengths(vectors, out)
    return out


def rank(
    queries: Vectors,
    query_lengths: Floats,
    lenders: Vectors,
    lender_lengths: Floats,
    proposed: Ints,
    similarities: Floats,
    positions: Ints,
) -> None:
    """Scores proposed lenders and keeps the best by (similarity descending, position ascending).

    The cosine of a pair does not depend on which of the two asks, on the other candidates or
    on the batch.

    Args:
        queries: float32 (m, d).
        query_lengths: float64 (m).
        lenders: float32 (n, d).
        lender_lengths: float64 (n).
        proposed: distinct rows of ``lenders`` per query, int64 (m, c); negative ones are none.
        similarities: float64 (m, k), filled in place; minus infinity where there is none.
        positions: int64 (m, k), filled in place; -1 where there is none.
    """
    similarities[:] = -np.inf
    positions[:] = -1
    _rank(queries, query_lengths, lenders, lender_lengths, proposed, similarities, positions)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})  # type: ignore[untyped-decorator]
def inner_product(one: Vectors, other: Vectors) -> float:
    """Inner product of two vectors (d), in float64.

    The compiler may split the sum among the lanes of a vector unit, the same way for all
    vectors of that size.
    """
    total = 0.0
    for j in range(len(one)):
        total += np.float64(one[j]) * np.float64(other[j])
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _lengths(vectors: Vectors, out: Floats) -> None:
    for row in range(len(vectors)):
        out[row] = np.sqrt(inner_product(vectors[row], vectors[row]))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _rank(
    queries: Vectors,
    query_lengths: Floats,
    lenders: Vectors,
    lender_lengths: Floats,
    proposed: Ints,
    similarities: Floats,
    positions: Ints,
) -> None:
    """Insertion into a sorted list: proposals come nearly in order."""
    kept = similarities.shape[1]
    for row in range(len(queries)):
        found = 0
        for column in range(proposed.shape[1]):
            position = proposed[row, column]
            if position < 0:
                continue
            scale = query_lengths[row] * lender_lengths[position]
            value = min(max(inner_product(queries[row], lenders[position]) / scale, -1.0), 1.0)
            place = found
            while place > 0 and (
                value > similarities[row, place - 1]
                or (value == similarities[row, place - 1] and position < positions[row, place - 1])
            ):
                place -= 1
            if place == kept:
                continue
            found = min(found + 1, kept)
            for later in range(found - 1, place, -1):
                similarities[row, later] = similarities[row, later - 1]
                positions[row, later] = positions[row, later - 1]
            similarities[row, place] = value
            positions[row, place] = position

"""How well embeddings of two roles fit, told without labels; and by labels, for those who have them.

All figures are shares of windows, between 0 and 1, and look at one direction (anchors of one
role, partners of the other); :func:`both_ways` takes the mean of the two.

- *mutual*: the anchor is the nearest of its partner, too. Mutual pairs are the more often
  right (Artetxe & Schwenk, ACL 2019, use them to mine translations).
- *cycle*: the nearest of the partner is the anchor or one of its :data:`NEIGHBOURS` nearest at
  home: there and back ends where it began (cycle consistency: Dwibedi et al., CVPR 2019).
- *agreement*: of the :data:`NEIGHBOURS` nearest partners, how many are the same for two changed
  copies of the anchor. What hangs on noise and tempo does not recur, nor, where the sources
  are worn differently and the copies are turned, what hangs on the mounting.
- *mixing*: how little a classifier can tell the roles apart: 1 when it is right in half of the
  cases, 0 when always (the proxy A-distance of Ben-David et al., Machine Learning 2010, with
  leave-one-out nearest neighbours as classifier). Alone it is blind: embeddings that say
  nothing mix perfectly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mmbind.encoders.store import Vectors

#: Windows that count as near.
NEIGHBOURS = 10

Matrix = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def similarities(left: Vectors, right: Vectors) -> Matrix:
    """Cosines (left, right) of unit vectors, rounded so that equal ones are equal on every machine."""
    products: Matrix = np.round(left.astype(np.float64) @ right.astype(np.float64).T, 9)
    return products


def nearest(scores: Matrix, count: int) -> Indices:
    """Columns of the best scores per row, best first, ties to the lower column: (rows, count)."""
    ordered: Indices = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return ordered


def mutual(there: Matrix) -> float:
    """Share of anchors (rows) whose partner's nearest is the anchor."""
    return float((there.argmax(axis=0)[there.argmax(axis=1)] == np.arange(len(there))).mean())


def cycle(there: Matrix, home: Matrix) -> float:
    """Share of anchors whose partner's nearest is the anchor or near it at home."""
    back = there.argmax(axis=0)[there.argmax(axis=1)]
    near = nearest(home, NEIGHBOURS + 1)
    return float((near == back[:, None]).any(axis=1).mean())


def agreement(one: Matrix, other: Matrix) -> float:
    """Mean share of nearest partners that two copies of the anchors have in common."""
    count = min(NEIGHBOURS, one.shape[1])
    first, second = nearest(one, count), nearest(other, count)
    return float((first[:, :, None] == second[:, None, :]).any(axis=2).mean())


def mixing(left: Vectors, right: Vectors) -> float:
    """1 - |2 accuracy - 1| of leave-one-out nearest neighbours that guess the role; roles count alike."""
    size = min(len(left), len(right))
    pooled = np.concatenate([left[:size], right[:size]])
    is_left = np.arange(2 * size) < size
    scores = similarities(pooled, pooled)
    np.fill_diagonal(scores, -np.inf)
    near = nearest(scores, min(NEIGHBOURS, 2 * size - 1))
    votes = is_left[near].mean(axis=1)
    right_guess = np.where(votes == 0.5, 0.5, (votes > 0.5) == is_left)
    return float(1 - max(0.0, 2 * right_guess.mean() - 1))


def purity(there: Matrix, anchors: Sequence[str | None], partners: Sequence[str | None]) -> float | None:
    """Share of anchors whose nearest partner has the same true label, among those with both labels known."""
    pairs = [
        (anchor, partners[partner])
        for anchor, partner in zip(anchors, there.argmax(axis=1), strict=True)
        if anchor is not None and partners[partner] is not None
    ]
    return sum(anchor == partner for anchor, partner in pairs) / len(pairs) if pairs else None


def both_ways(figure: Callable[[int], float]) -> float:
    """Mean of a figure over the two directions, 0 and 1."""
    return (figure(0) + figure(1)) / 2

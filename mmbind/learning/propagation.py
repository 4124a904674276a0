"""Labels that spread over a weighted graph of windows.

Source: D. Zhou et al., "Learning with local and global consistency", NeurIPS 2003, equation 4,
with class probabilities in the place of labels; the balance of classes by R. Sinkhorn and
P. Knopp, "Concerning nonnegative matrices and doubly stochastic matrices", Pacific J. Math.
21, 1967.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]

#: Rounds of scaling that bring rows and columns to their sums.
BALANCING = 100


def normalised(weights: sparse.csr_array) -> sparse.csr_array:
    """D^-1/2 max(W, W^T) D^-1/2; rows of nodes without an edge stay empty.

    Args:
        weights: (n, n), at least 0; the diagonal counts like any other edge.
    """
    both = sparse.csr_array(weights.maximum(weights.T))
    degrees = np.asarray(both.sum(axis=1)).ravel()
    scale = np.where(degrees > 0, 1 / np.sqrt(np.where(degrees > 0, degrees, 1.0)), 0.0)
    return sparse.csr_array(sparse.diags_array(scale) @ both @ sparse.diags_array(scale))


def propagate(
    weights: sparse.csr_array,
    beliefs: Floats,
    *,
    keep: float = 0.2,
    rounds: int = 30,
    clamped: npt.NDArray[np.bool_] | None = None,
) -> Floats:
    """Mixes every node's beliefs with its neighbours'.

    F <- (1 - keep) S F + keep P, with S the normalised graph and P the beliefs at the start.
    A node without an edge keeps its beliefs.

    Args:
        weights: the graph (n, n).
        beliefs: class probabilities at the start, float64 (n, classes).
        keep: share of the first beliefs in each round.
        rounds: how many.
        clamped: nodes (n,) whose beliefs are certain and stay as they are.

    Returns:
        float64 (n, classes), rows that sum to 1.
    """
    graph = normalised(weights)
    lonely = np.diff(graph.indptr) == 0
    fixed = lonely if clamped is None else lonely | clamped
    current = beliefs.copy()
    for _ in range(rounds):
        current = (1 - keep) * (graph @ current) + keep * beliefs
        current[fixed] = beliefs[fixed]
    return np.asarray(current / current.sum(axis=1, keepdims=True), dtype=np.float64)


def balance(beliefs: Floats, prior: Floats) -> Floats:
    """Scales beliefs so that the classes' shares are those of a prior.

    Args:
        beliefs: class probabilities, float64 (n, classes), rows that sum to 1.
        prior: share of each class (classes), above 0, sums to 1.

    Returns:
        float64 (n, classes), rows that sum to 1 and columns whose means are ``prior``, as
        nearly as the beliefs allow.
    """
    scaled = np.maximum(beliefs, 1e-12)
    wanted = prior * len(beliefs)
    for _ in range(BALANCING):
        scaled = scaled * (wanted / scaled.sum(axis=0))
        scaled = scaled / scaled.sum(axis=1, keepdims=True)
    return scaled


def prior_of(labels: npt.NDArray[np.int64], classes: int) -> Floats:
    """Shares of classes in a labelled sample, with one window more of each (Laplace), so that none is 0.

    Args:
        labels: classes of the sample (n,).
        classes: how many there are.
    """
    counts = np.bincount(labels, minlength=classes) + 1.0
    return np.asarray(counts / counts.sum(), dtype=np.float64)

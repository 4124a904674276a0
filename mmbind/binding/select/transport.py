"""Entropic optimal transport between anchors and lenders, on the candidates alone.

The plan is P_ij = u_i exp(z_ij / t) v_j, with z the scores in standard deviations. Sinkhorn's
scalings in the log domain: u <- (a / K v)^d, v <- (b / K^T u)^d, with equal masses a and b.
d = 1 is balanced transport (M. Cuturi, "Sinkhorn distances", NeurIPS 2013); d < 1 punishes
unequal use by lambda KL, d = lambda / (lambda + t) (L. Chizat et al., "Scaling algorithms for
unbalanced optimal transport problems", Math. Comp. 87, 2018, section 4), which is right where
classes are not equally frequent in both sources. A hub's scaling falls until its mass fits.

Sums run over one row in the order of its edges, so the plan does not depend on threads.
Memory: O(edges).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from mmbind.binding.graph import Floats, Graph, Ints
from mmbind.binding.select.base import Rule, Selection, taken, values_of
from mmbind.config.binding import Transport

#: Scalings that move less, in logarithms, stand still.
STILL = 1e-6


class TransportRule(Rule):
    """Takes the lenders that send an anchor most; shares are its row of the plan."""

    def __init__(self, settings: Transport) -> None:
        """Keeps temperature, damping and the number of rounds."""
        self._temperature, self._damping = settings.temperature, settings.damping
        self._iterations = settings.iterations

    def select(self, graph: Graph, partners: int) -> Selection:
        """See :meth:`Rule.select`."""
        plan = self.plan(graph)
        edges = graph.best(partners, plan)
        chosen = values_of(plan, edges, -np.inf)
        powers = np.exp(chosen - np.where(edges[:, :1] >= 0, chosen[:, :1], 0.0))
        total = powers.sum(axis=1, keepdims=True)
        return taken(edges, powers / np.where(total > 0, total, 1.0))

    def plan(self, graph: Graph) -> Floats:
        """Logarithm of the transported mass of every edge, float64 (edges)."""
        deviation = float(graph.scores.std()) if len(graph.scores) else 0.0
        kernel = (
            (graph.scores - graph.scores.mean()) / (deviation * self._temperature)
            if deviation > 0
            else (np.zeros(len(graph.scores)))
        )
        back, backward = graph.transposed, graph.to_transposed(kernel)
        ours, theirs = np.zeros(graph.height), np.zeros(graph.width)
        for _ in range(self._iterations):
            before = theirs.copy()
            _scale(graph.starts, graph.lenders, kernel, theirs, self._damping, ours)
            _scale(back.starts, back.lenders, backward, ours, self._damping, theirs)
            if np.abs(theirs - before).max(initial=0.0) < STILL:
                break
        return np.asarray(kernel + ours[graph.anchors] + theirs[graph.lenders])


@njit(parallel=True, cache=True)  # type: ignore[untyped-decorator]
def _scale(starts: Ints, columns: Ints, kernel: Floats, given: Floats, damping: float, out: Floats) -> None:
    """Log-scalings of one side (rows) from those of the other (columns); 0 for empty rows."""
    rows = len(starts) - 1
    for row in prange(rows):
        largest = -np.inf
        for edge in range(starts[row], starts[row + 1]):
            largest = max(largest, kernel[edge] + given[columns[edge]])
        total = 0.0
        for edge in range(starts[row], starts[row + 1]):
            total += np.exp(kernel[edge] + given[columns[edge]] - largest)
        out[row] = damping * (-np.log(rows) - largest - np.log(total)) if total > 0 else 0.0

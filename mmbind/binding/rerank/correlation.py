"""Re-ranking: from proposed candidates to the scores that rules go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from mmbind.binding.graph import Floats, Graph, Ints
from mmbind.binding.rerank.views import view_beside, views_of
from mmbind.binding.rerank.warping import Series, warp
from mmbind.config.binding import Warping


def warped_views(roles: Mapping[str, Series], settings: Warping) -> dict[str, Series]:
    """What :func:`warped_correlation` compares, by role; see :func:`views_of`."""
    return views_of(roles, settings.view, settings.steps)


def warped_beside(roles: Mapping[str, Series], others: Series, settings: Warping) -> Series:
    """The same of other windows, on the roles' scale; see :func:`view_beside`."""
    return view_beside(roles, others, settings.view, settings.steps)


def warped_correlation(queries: Series, lenders: Series, positions: Ints, band: int) -> Floats:
    """1 - d / 2 with d the mean squared difference along the best warping path.

    Without a band, and for ``centred`` windows, it is the correlation of the two windows.
    Where a path is longer than the window its steps all count, so warping is not free.

    Args:
        queries: views of the anchors, float32 (m, steps, channels).
        lenders: views of the lenders, float32 (n, steps, channels).
        positions: candidates of each anchor, int64 (m, c); negative ones are no candidates.
        band: largest shift in steps.

    Returns:
        float64 (m, c), at most 1; minus infinity where there is no candidate.
    """
    distances = np.empty(positions.shape, dtype=np.float32)
    warp(np.ascontiguousarray(queries), np.ascontiguousarray(lenders), positions, band, distances)
    return np.asarray(1.0 - distances.astype(np.float64) / (2 * queries.shape[1] * queries.shape[2]))


@dataclass(frozen=True)
class Blend:
    """Scores that hear the embedding, too: its cosine counts ``share``, the warped correlation the rest.

    One knows how what happens is distributed, the other in which order it comes. Where impacts
    are warped, correlations spread over several units and cosines over parts of one, so they
    are brought to the cosines' mean and deviation over all candidates first.

    Attributes:
        share: at least 0, below 1; 0 leaves correlations as they are.
        warped: mean and deviation of the candidates' correlations.
        cosines: of their cosines.
    """

    share: float
    warped: tuple[float, float] = (0.0, 1.0)
    cosines: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def of(cls, graph: Graph, share: float) -> Self:
        """Looks at candidates whose scores are warped correlations."""
        if not share or not len(graph.scores):
            return cls(0.0)
        mean, deviation = float(graph.scores.mean()), float(graph.scores.std())
        cosines = float(graph.similarities.mean()), float(graph.similarities.std())
        return cls(share, (mean, deviation if deviation > 0 else 1.0), cosines)

    def __call__(self, correlations: Floats, cosines: Floats) -> Floats:
        """Scores of pairs, float64 of any shape."""
        if not self.share:
            return correlations
        spread = (correlations - self.warped[0]) / self.warped[1]
        return (1 - self.share) * (self.cosines[0] + self.cosines[1] * spread) + self.share * cosines

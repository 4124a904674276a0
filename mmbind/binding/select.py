"""From candidates to partners: the nearest ones (MMBind, arXiv 2411.12126, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmbind.binding.search import Candidates


@dataclass(frozen=True)
class Selection:
    """The partners of every anchor, best first.

    Attributes:
        positions: rows of the lenders, int64 (anchors, partners).
        similarities: cosine, float64 (anchors, partners).
        margins: similarity minus that of the best candidate not taken, float64 (anchors,
            partners); NaN where every lender was taken.
    """

    positions: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]
    margins: npt.NDArray[np.float64]


def select_nearest(candidates: Candidates, partners: int) -> Selection:
    """Takes the most similar candidates of every anchor.

    Args:
        candidates: at least ``partners`` per anchor; one more gives the margin.
        partners: how many to take.
    """
    similarities = candidates.similarities[:, :partners]
    if candidates.similarities.shape[1] > partners:
        margins = similarities - candidates.similarities[:, partners : partners + 1]
    else:
        margins = np.full(similarities.shape, np.nan)
    return Selection(candidates.positions[:, :partners], similarities, margins)

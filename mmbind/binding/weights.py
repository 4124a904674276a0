"""From a pair's similarity to its weight in training (MMBind, arXiv 2411.12126, weighted contrastive loss)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mmbind.config import WeightMap


def weigh(similarities: npt.NDArray[np.float64], weight: WeightMap) -> npt.NDArray[np.float64]:
    """Maps similarities to weights in [0, 1]; none falls as the similarity rises.

    What is calibrated is not mapped here (:mod:`mmbind.binding.calibration`). ``log``:
    clip(1 + slope ln s, 0, 1), and 0 for s <= 0. ``linear``: clip(slope (s -
    offset), 0, 1), and 0 for s <= 0. ``none``: 1.

    Args:
        similarities: scores of pairs (cosines or warped correlations), float64 of any shape.
        weight: which map.
    """
    if weight.kind == "none":
        return np.ones_like(similarities)
    positive = similarities > 0
    s = np.where(positive, similarities, 1.0)
    raw = 1 + weight.slope * np.log(s) if weight.kind == "log" else weight.slope * (s - weight.offset)
    return np.where(positive, np.clip(raw, 0.0, 1.0), 0.0)

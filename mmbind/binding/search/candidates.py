"""What a search answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Candidates:
    """The nearest lenders of each query, best first.

    Attributes:
        similarities: cosine, float64 (queries, k); minus infinity where none was found.
        positions: rows of the lenders, int64 (queries, k); -1 where none was found.
    """

    similarities: npt.NDArray[np.float64]
    positions: npt.NDArray[np.int64]

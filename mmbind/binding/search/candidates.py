"""What a search answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """The nearest lenders of each query, best first.

    Attributes:
        similarities: cosine, float64 (queries, k); minus infinity where none was found.
        positions: rows of the lenders, int64 (queries, k); -1 where none was found.
        method: how they were found, for the manifest: ``method``, and the proven recall of
            an approximate one.
    """

    similarities: Floats
    positions: Ints
    method: dict[str, Any] = field(default_factory=lambda: {"method": "exact"})

    @classmethod
    def empty(cls, queries: int, k: int) -> Candidates:
        """Room for answers."""
        return cls(np.full((queries, k), -np.inf), np.full((queries, k), -1, dtype=np.int64))

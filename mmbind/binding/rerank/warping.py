"""The compiled kernel of dynamic time warping, in a band around the diagonal.

Two rows of the dynamic programme per window, as usual (H. Sakoe, S. Chiba, "Dynamic
programming algorithm optimization for spoken word recognition", IEEE TASSP 26, 1978, with
the symmetric step pattern and without its slope weights). The candidates of one anchor are
warped side by side, one per lane, so that a processor's vector units share the work. Every
lane adds in the same order on any number of threads, and warping (x, y) gives the bits of
warping (y, x).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, prange

Series = npt.NDArray[np.float32]

#: Candidates warped side by side.
LANES = 16


@njit(parallel=True, cache=True)  # type: ignore[untyped-decorator]
def warp(
    queries: Series, lenders: Series, positions: npt.NDArray[np.int64], band: int, out: npt.NDArray[np.float32]
) -> None:
    """Warping distances of every query to its own candidates.

    The distance is the least sum of squared differences, over channels and along a path from
    the first steps to the last that leaves the diagonal by at most ``band`` steps.

    Args:
        queries: float32 (m, steps, channels), contiguous.
        lenders: float32 (n, steps, channels), contiguous.
        positions: rows of ``lenders``, int64 (m, c); negative ones are no candidates.
        band: at least 0, in steps.
        out: float32 (m, c), filled in place; infinity where there is no candidate.
    """
    count, steps, channels = queries.shape
    for i in prange(count):
        packed = np.empty((steps, channels, LANES), dtype=np.float32)
        before = np.empty((steps + 1, LANES), dtype=np.float32)
        now = np.empty((steps + 1, LANES), dtype=np.float32)
        cost = np.empty(LANES, dtype=np.float32)
        for first in range(0, positions.shape[1], LANES):
            for lane in range(LANES):
                column = min(first + lane, positions.shape[1] - 1)
                row = max(positions[i, column], 0)
                for t in range(steps):
                    for channel in range(channels):
                        packed[t, channel, lane] = lenders[row, t, channel]
            before[:] = np.inf
            before[0] = 0.0
            for t in range(steps):
                low, high = max(0, t - band), min(steps, t + band + 1)
                now[:] = np.inf
                for s in range(low, high):
                    cost[:] = 0.0
                    for channel in range(channels):
                        value = queries[i, t, channel]
                        for lane in range(LANES):
                            difference = value - packed[s, channel, lane]
                            cost[lane] += difference * difference
                    for lane in range(LANES):
                        best = before[s, lane]
                        best = min(best, before[s + 1, lane])
                        best = min(best, now[s, lane])
                        now[s + 1, lane] = best + cost[lane]
                before, now = now, before
            for lane in range(min(LANES, positions.shape[1] - first)):
                missing = positions[i, first + lane] < 0
                out[i, first + lane] = np.inf if missing else before[steps, lane]

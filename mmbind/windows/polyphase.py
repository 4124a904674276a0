"""Band-limited interpolation: readings become samples of a grid in one step.

A sample is a weighted sum of the readings around it. The weights are those of a sinc of
cut-off half the slower rate (of readings or grid) under a Hamming window, which reaches
``TAPS_PER_RATIO`` of its zeros to both sides; they sum to 1. For evenly spaced readings and
grids of rational rates that is the polyphase filter of :func:`scipy.signal.resample_poly`;
here the phase may be any: A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing",
3rd ed. (2010), sections 4.6 and 7.5. Between two readings the phase is the share of the time
between them, so stamps that jitter bend the scale a little and lose nothing.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mmbind.windows.grid import Times
from mmbind.windows.store import Signals

Values = npt.NDArray[np.float64]

#: Zeros of the sinc on each side, within the window.
TAPS_PER_RATIO = 10


def interpolate(times: Times, values: Values, grid: Times, *, ratio: float, pauses: Times) -> Signals:
    """Interpolates on a grid.

    Each run of readings is continued at both ends by its point reflection, as often as the
    weights reach. Before the first
    and behind the last reading their values are held; inside a pause samples lie on the line
    between its two ends.

    Args:
        times: int64 ns (n,), ascending, n >= 1.
        values: float64 (n, channels).
        grid: int64 ns (windows, steps).
        ratio: reading rate / grid rate, or 1 where the grid is no slower.
        pauses: readings before which a pause ends, int64 (pauses,), ascending.

    Returns:
        float32 (windows, steps, channels).
    """
    flat = grid.ravel()
    right = np.searchsorted(times, flat, side="right")
    edges = np.concatenate([[0], pauses, [len(times)]])
    out = np.empty((len(flat), values.shape[1]), dtype=np.float32)
    _compiled()(np.array(times), np.ascontiguousarray(values), flat, right, edges, max(ratio, 1.0), out)
    return out.reshape(*grid.shape, values.shape[1])


class _Loop(Protocol):
    def __call__(
        self, times: Times, values: Values, grid: Times, right: Times, edges: Times, ratio: float, out: Signals
    ) -> None: ...


@cache
def _compiled() -> _Loop:
    from numba import njit

    compiled: _Loop = njit(cache=True)(_interpolate)
    return compiled


def _interpolate(
    times: Times, values: Values, grid: Times, right: Times, edges: Times, ratio: float, out: Signals
) -> None:
    """Fills ``out`` (samples, channels); ``right`` is the first reading behind each sample."""
    count, channels = values.shape
    total = np.empty(channels)
    theta, reach = math.pi / ratio, TAPS_PER_RATIO * ratio
    turn_sine, turn_cosine = math.sin(theta), math.cos(theta)
    run = 0
    for sample in range(len(grid)):
        left = min(max(right[sample] - 1, 0), count - 1)
        after = min(right[sample], count - 1)
        while left < edges[run]:
            run -= 1
        while left >= edges[run + 1]:
            run += 1
        begin, end = edges[run], edges[run + 1]
        share = 0.0
        if after != left:
            share = (grid[sample] - times[left]) / (times[after] - times[left])
        if after >= end and share > 0.0:
            for channel in range(channels):
                out[sample, channel] = values[left, channel] * (1 - share) + values[after, channel] * share
            continue
        place, last = left - begin + share, end - begin - 1
        if last == 0:
            for channel in range(channels):
                out[sample, channel] = values[left, channel]
            continue
        first = math.ceil(place - reach)
        away = place - first
        sine, cosine = math.sin(theta * away), math.cos(theta * away)
        weights = 0.0
        total[:] = 0.0
        for reading in range(first, math.floor(place + reach) + 1):
            away = place - reading
            weight = 1.0 if abs(away) < 1e-9 else sine / (theta * away)
            weight *= 0.54 + 0.46 * math.cos(math.pi * away / reach)
            weights += weight
            inside, sign = reading, 1.0
            while inside < 0 or inside > last:
                mirror = 0 if inside < 0 else last
                for channel in range(channels):
                    total[channel] += weight * sign * 2 * values[begin + mirror, channel]
                inside, sign = 2 * mirror - inside, -sign
            for channel in range(channels):
                total[channel] += weight * sign * values[begin + inside, channel]
            sine, cosine = sine * turn_cosine - cosine * turn_sine, cosine * turn_cosine + sine * turn_sine
        for channel in range(channels):
            out[sample, channel] = total[channel] / weights

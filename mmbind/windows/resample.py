"""Readings at their own times become samples on a window's grid.

``linear``: lines between readings, one search for all channels. Where readings come faster than the grid,
they pass a low-pass filter first, else what is faster than half the grid's rate would come
back as slow movement that never was (aliasing). The filter is a sinc of cut-off
``grid rate / 2`` under a Hamming window of ``2 * 10 q + 1`` taps, q = reading rate / grid
rate: A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", 3rd ed. (2010),
sections 7.5 and 4.6. It is symmetric, so it delays nothing (zero phase), and it works on the
readings in their order; it never reaches across a pause. ``polyphase``: see
:mod:`mmbind.windows.polyphase`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmbind.windows.grid import Times
from mmbind.windows.polyphase import TAPS_PER_RATIO, interpolate
from mmbind.windows.store import Signals

Values = npt.NDArray[np.float64]

#: Rates that differ less than this need no filter; a clock is not known better.
SAME_RATE = 1.01
#: Intervals without a reading that end a run of the filter.
PAUSE = 3.0


@dataclass(frozen=True)
class Resampler:
    """One modality of one recording, ready for any grid of one step.

    Attributes:
        times: int64 ns (n,), ascending, n >= 1.
        values: float64 (n, channels), filtered (linear) or as read (polyphase).
        interval: typical time between two readings, ns.
        step: time between two samples of the grid, ns.
        how: ``linear`` or ``polyphase``.
        pauses: readings before which a pause ends, int64 (pauses,).
    """

    times: Times
    values: Values
    interval: float
    step: float
    how: str
    pauses: Times

    @classmethod
    def of(cls, times: Times, values: Signals, *, interval: float, step: float, how: str) -> Resampler:
        """Filters readings where ``how`` asks for it.

        Args:
            times: int64 ns (n,), ascending, n >= 1.
            values: float32 (n, channels).
            interval: typical time between two readings, ns; 0 for a single one, which needs no filter.
            step: time between two samples of the grid, ns.
            how: ``linear`` or ``polyphase``.
        """
        interval = interval or step
        linear = how == "linear"
        ready = low_pass(times, values, interval=interval, step=step) if linear else values.astype(np.float64)
        return cls(times, ready, interval, step, how, pauses(times, interval))

    def on(self, grid: Times) -> tuple[Signals, Values]:
        """Samples on a grid, and how much of it lies beside real readings.

        Args:
            grid: int64 ns (windows, steps).

        Returns:
            Samples float32 (windows, steps, channels), and each window's covered share
            float64 (windows,).
        """
        reach = max(self.interval, self.step)
        if self.how == "linear":
            return sample(self.times, self.values, grid, reach=reach)
        ratio = self.step / self.interval
        ratio = ratio if ratio > SAME_RATE else 1.0
        samples = interpolate(self.times, self.values, grid, ratio=ratio, pauses=self.pauses)
        return samples, covered(self.times, grid, reach=reach)


def pauses(times: Times, interval: float) -> Times:
    """Readings before which a pause ends, int64 (pauses,)."""
    return np.flatnonzero(np.diff(times) > PAUSE * interval) + 1


def covered(times: Times, grid: Times, *, reach: float) -> Values:
    """The share of each window's samples that lie beside a reading, float64 (windows,).

    Args:
        times: int64 ns (n,), ascending, n >= 1.
        grid: int64 ns (windows, steps).
        reach: how far a sample may lie from the nearest reading, ns.
    """
    after = np.searchsorted(times, grid, side="right")
    past = np.abs(grid - times[np.maximum(after - 1, 0)])
    ahead = np.abs(times[np.minimum(after, len(times) - 1)] - grid)
    share: Values = (np.minimum(past, ahead) <= reach).mean(axis=1)
    return share


def taps(ratio: float, half: int) -> Values:
    """The low-pass filter, float64 (2 half + 1,), of sum 1.

    Args:
        ratio: reading rate / grid rate, above 1.
        half: taps on each side of the middle.
    """
    sides = np.arange(-half, half + 1)
    response: Values = np.sinc(sides / ratio) * np.hamming(2 * half + 1)
    response /= response.sum()
    return response


def low_pass(times: Times, values: Signals, *, interval: float, step: float) -> Values:
    """Takes away what a grid cannot hold.

    Each run of readings is continued at both ends by its point reflection, so that a
    straight line stays a straight line.

    Args:
        times: int64 ns (n,), ascending.
        values: float32 (n, channels).
        interval: typical time between two readings, ns.
        step: time between two samples of the grid, ns.

    Returns:
        float64 (n, channels); the values as they are when the grid is no slower.
    """
    out = values.astype(np.float64)
    ratio = step / interval
    if ratio <= SAME_RATE:
        return out
    runs = pauses(times, interval)
    for begin, end in zip([0, *runs], [*runs, len(times)], strict=True):
        run = out[begin:end]
        half = min(math.ceil(TAPS_PER_RATIO * ratio), len(run) - 1)
        if half == 0:
            continue
        head, tail = 2 * run[0] - run[half:0:-1], 2 * run[-1] - run[-2 : -half - 2 : -1]
        padded, response = np.concatenate([head, run, tail]), taps(ratio, half)
        for channel in range(values.shape[1]):
            out[begin:end, channel] = np.convolve(padded[:, channel], response, mode="valid")
    return out


def sample(times: Times, values: Values, grid: Times, *, reach: float) -> tuple[Signals, Values]:
    """Interpolates on a grid and says how much of it lies beside real readings.

    Before the first and behind the last reading their values are held.

    Args:
        times: int64 ns (n,), ascending, n >= 1.
        values: float64 (n, channels).
        grid: int64 ns (windows, steps).
        reach: how far a sample may lie from the nearest reading to count as covered, ns.

    Returns:
        Samples float32 (windows, steps, channels), and each window's covered share
        float64 (windows,).
    """
    after = np.searchsorted(times, grid, side="right")
    left, right = np.maximum(after - 1, 0), np.minimum(after, len(times) - 1)
    past, ahead = np.abs(grid - times[left]), np.abs(times[right] - grid)
    apart = np.maximum(times[right] - times[left], 1)
    weight = np.where(left == right, 0.0, past / apart)[..., None]
    samples = values[left] * (1 - weight) + values[right] * weight
    with np.errstate(over="ignore"):  # what float32 cannot hold is for the gate of windows to find
        narrow = samples.astype(np.float32)
    return narrow, (np.minimum(past, ahead) <= reach).mean(axis=1)

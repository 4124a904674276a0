"""The slow part of a signal: what a zero-phase low-pass filter leaves, on clocks of any kind."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

#: Order of the filter, of each of its two passes. Gravity was first told from body
#: acceleration so, at 0.3 Hz: D. Anguita et al., "A Public Domain Dataset for Human Activity
#: Recognition Using Smartphones" (ESANN 2013), section 3.
ORDER = 3
#: Typical intervals without a reading that end a run: the filter never reaches across a pause.
PAUSE = 3.0
#: Periods of the cut-off by which a run is continued at its ends.
REACH = 2.0


def slow_part(times: Times, values: Values, *, cutoff_hz: float) -> Values:
    """Passes a low-pass filter over readings, forwards and backwards, so that nothing is delayed.

    A Butterworth filter whose two passes together halve the power at the cut-off (each at
    cut-off / (sqrt 2 - 1)^(1 / 2 order): D. A. Winter, "Biomechanics and Motor Control of Human
    Movement", 4th ed. (2009), section 3.4.4.2). It needs even steps: each run of readings is
    laid on a grid as fine as its typical interval by lines between readings, filtered,
    and read off at the readings' own times. A run is continued at both ends by its mirror
    images, so that no single reading weighs more than others, and one that is far shorter than
    the cut-off's period comes out as its mean.

    Args:
        times: int64 ns (n,), ascending.
        values: float64 (n, channels), finite.
        cutoff_hz: frequency at which half the power passes.

    Returns:
        float64 (n, channels). Where readings come too slowly for the cut-off (below 2 x it),
        the values as they are.
    """
    out = values.copy()
    steps = np.diff(times)
    steps = steps[steps > 0]
    if not len(steps):
        return out
    interval = float(np.median(steps))
    if interval * cutoff_hz >= 0.5e9:
        return out
    runs = np.flatnonzero(np.diff(times) > PAUSE * interval) + 1
    for begin, end in zip([0, *runs], [*runs, len(times)], strict=True):
        out[begin:end] = _filtered((times[begin:end] - times[begin]) * 1e-9, values[begin:end], interval, cutoff_hz)
    return out


def _filtered(seconds: Values, values: Values, interval_ns: float, cutoff_hz: float) -> Values:
    """One run, whose times start at 0."""
    from scipy.signal import butter, sosfiltfilt

    if seconds[-1] == 0:
        return np.repeat(values.mean(axis=0, keepdims=True), len(values), axis=0)
    count = max(math.ceil(seconds[-1] * 1e9 / interval_ns), 2) + 1
    grid = np.linspace(0.0, seconds[-1], count)
    rate = (count - 1) / seconds[-1]
    corner = cutoff_hz / (math.sqrt(2) - 1) ** (1 / (2 * ORDER))
    sections = butter(ORDER, min(corner, 0.499 * rate), fs=rate, output="sos")
    reach = math.ceil(REACH * rate / cutoff_hz)
    slow = np.empty_like(values)
    for channel in range(values.shape[1]):
        even = np.pad(np.interp(grid, seconds, values[:, channel]), reach, mode="symmetric")
        passed = sosfiltfilt(sections, even, padtype=None)[reach:-reach]
        slow[:, channel] = np.interp(seconds, grid, passed)
    return slow

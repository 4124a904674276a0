"""Views of windows that say less about device and placement, shared by encoders and re-ranking.

Every function maps float32 (windows, steps, channels) to float32 (windows, steps, views),
window by window: what a window becomes depends on that window alone. Sums are taken in
float64. A constant window becomes zeros or constants, never NaN.

================== ====== ===================================== ===============================
name               views  does not change when                  tells apart
================== ====== ===================================== ===============================
raw                c      (nothing)                             everything
z_scored           c      offset or scale of a channel changes  the waveform of every axis
magnitude          c / 3  the device is turned, however         how strong, not where to
gravity_aligned    2c / 3 the device is turned, however         up and down from sideways
vertical           2c / 3 the device is turned, however         the same, impacts compressed
vertical_magnitude c      the device is turned, however         both, impacts compressed
================== ====== ===================================== ===============================

What each is worth is measured in ``docs/encoders.md``. In short: on one device at one place
the axes say most; between devices or body places they mislead.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmbind.errors import InputError
from mmbind.windows.store import Signals

#: Axes of a vector sensor.
AXES = 3
#: A channel that moves less than this share of its largest value stands still.
STILL = 1e-6

Representation = Callable[[Signals], Signals]


def raw(windows: Signals) -> Signals:
    """The windows as they are, in SI units."""
    return windows.astype(np.float32, copy=False)


def z_scored(windows: Signals) -> Signals:
    """Every channel of every window with mean 0 and standard deviation 1 over its steps.

    A channel that stands still becomes zeros. The usual view for dynamic time warping
    (Rakthanmanon et al., KDD 2012, section 1.2: only normalised series can be compared).

    Args:
        windows: float32 (windows, steps, channels).

    Returns:
        float32 of the same shape, no unit.
    """
    values = windows.astype(np.float64)
    largest = np.abs(values).max(axis=1, keepdims=True)
    values -= values.mean(axis=1, keepdims=True)
    deviation = values.std(axis=1, keepdims=True)
    still = deviation <= STILL * largest
    scaled: Signals = np.where(still, 0.0, values / np.where(still, 1.0, deviation)).astype(np.float32)
    return scaled


def magnitude(windows: Signals) -> Signals:
    """Length of every vector: the only view that needs no idea of direction.

    Args:
        windows: float32 (windows, steps, channels), channels in triples of axes.

    Returns:
        float32 (windows, steps, channels / 3), the unit of the windows.

    Raises:
        InputError: when the channels are no triples.
    """
    lengths: Signals = np.sqrt((_triples(windows) ** 2).sum(axis=-1)).astype(np.float32)
    return lengths


def gravity_aligned(windows: Signals) -> Signals:
    """Acceleration along the window's mean gravity, and the length of the rest.

    The mean of an accelerometer over a window estimates gravity in the device's frame;
    projecting on it gives the vertical component, and what remains is horizontal, known up to
    its heading (Mizell, Using gravity to estimate accelerometer orientation, ISWC 2003).
    Turning the device changes neither. A window whose mean is zero has no vertical: its
    vertical is zero and its horizontal the whole length.

    For a sensor other than an accelerometer the mean vector plays the part of gravity, which
    means little: see ``docs/encoders.md``.

    Args:
        windows: float32 (windows, steps, channels), channels in triples of axes.

    Returns:
        float32 (windows, steps, 2 channels / 3): vertical and horizontal of every triple, in
        the unit of the windows. Vertical has a sign (up is positive at rest).

    Raises:
        InputError: when the channels are no triples.
    """
    vectors = _triples(windows)
    mean = vectors.mean(axis=1, keepdims=True)
    length = np.sqrt((mean**2).sum(axis=-1, keepdims=True))
    largest = np.sqrt((vectors**2).sum(axis=-1, keepdims=True)).max(axis=1, keepdims=True)
    known = length > STILL * largest
    up = np.where(known, mean / np.where(known, length, 1.0), 0.0)
    vertical = (vectors * up).sum(axis=-1, keepdims=True)
    rest = vectors - vertical * up
    horizontal = np.sqrt((rest**2).sum(axis=-1, keepdims=True))
    both: Signals = np.concatenate([vertical, horizontal], axis=-1).reshape(*windows.shape[:2], -1).astype(np.float32)
    return both


def compressed(windows: Signals) -> Signals:
    """sign(x) ln(1 + |x|): peaks of impacts no longer outweigh the rest of the window.

    Args:
        windows: float32 (windows, steps, channels), SI units.

    Returns:
        float32 of the same shape.
    """
    logarithm: Signals = (np.sign(windows) * np.log1p(np.abs(windows.astype(np.float64)))).astype(np.float32)
    return logarithm


def vertical(windows: Signals) -> Signals:
    """:func:`gravity_aligned`, then :func:`compressed`: the view for unlike devices and body places."""
    return compressed(gravity_aligned(windows))


def vertical_magnitude(windows: Signals) -> Signals:
    """:func:`vertical`, then the logarithm of :func:`magnitude`: what is doubtful of the one is sure of the other.

    Where a window's mean is not gravity, as in a fall, its vertical is not vertical; the
    magnitude needs no direction.

    Args:
        windows: float32 (windows, steps, channels), channels in triples of axes.

    Returns:
        float32 (windows, steps, channels): vertical and horizontal of every triple, then the
        magnitude of every triple.

    Raises:
        InputError: when the channels are no triples.
    """
    return np.concatenate([vertical(windows), compressed(magnitude(windows))], axis=2)


#: Representations by the name that ``params.yaml`` gives.
REPRESENTATIONS: dict[str, Representation] = {
    "raw": raw,
    "z_scored": z_scored,
    "magnitude": magnitude,
    "gravity_aligned": gravity_aligned,
    "vertical": vertical,
    "vertical_magnitude": vertical_magnitude,
}


def shortened(windows: Signals, steps: int) -> Signals:
    """Windows with fewer steps: means over equal parts of the time axis.

    Time warping costs steps x band, and the mean is also the low-pass that dropping steps
    needs (piecewise aggregate approximation: Keogh et al., KAIS 2001).

    Args:
        windows: float32 (windows, T, channels).
        steps: how many to keep; windows that have no more stay as they are. Where T is no
            multiple, a part's edge steps count by the share that lies inside.

    Returns:
        float32 (windows, min(steps, T), channels).
    """
    length = windows.shape[1]
    if steps >= length:
        return windows
    edges = np.linspace(0, length, steps + 1)
    low, high = edges[:-1, None], edges[1:, None]
    left = np.arange(length)[None, :]
    share = np.clip(np.minimum(high, left + 1) - np.maximum(low, left), 0, None) * (steps / length)
    means: Signals = np.matmul(share, windows.astype(np.float64)).astype(np.float32)
    return means


def _triples(windows: Signals) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """float64 (windows, steps, channels / 3, 3)."""
    channels = windows.shape[2]
    if channels % AXES:
        raise InputError(
            f"A magnitude or a direction needs sensors of three axes, but these windows have {channels} channels.",
            hint="Choose the representation raw or z_scored, or another shared modality.",
        )
    return windows.astype(np.float64).reshape(*windows.shape[:2], channels // AXES, AXES)

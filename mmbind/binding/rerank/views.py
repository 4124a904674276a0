"""What is warped: representations of the shared modality's windows.

All are sampled down by averages over equal parts of the window, which is its own low-pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from mmbind.binding.rerank.warping import Series
from mmbind.errors import InputError

#: Windows that are looked at together.
BLOCK = 4096
#: Least deviation that counts, relative to 1: below it a window or a channel is constant.
TINY = 1e-6

Doubles = npt.NDArray[np.float64]


def resampled(signals: Series, steps: int) -> Doubles:
    """Means over ``steps`` equal parts of every window, float64 (n, steps, channels).

    Args:
        signals: float32 (n, samples, channels); a part that ends between two samples takes
            its share of both.
        steps: how many parts.
    """
    count, samples, channels = signals.shape
    sums = np.zeros((count, samples + 1, channels))
    np.cumsum(signals, axis=1, dtype=np.float64, out=sums[:, 1:])
    edges = np.linspace(0, samples, steps + 1)
    whole = np.minimum(edges.astype(np.int64), samples - 1)
    at_edges = sums[:, whole] + (edges - whole)[None, :, None] * signals[:, whole]
    return np.asarray(np.diff(at_edges, axis=1) * (steps / samples))


def centred(windows: Doubles) -> Doubles:
    """``zscore``: channels without their mean, the window's mean square set to one.

    Channels keep their proportions. A constant window becomes zero.
    """
    rest = windows - windows.mean(axis=1, keepdims=True)
    size = np.sqrt((rest * rest).mean(axis=(1, 2), keepdims=True))
    return np.asarray(np.where(size > TINY, rest / np.maximum(size, TINY), 0.0))


def upright(windows: Doubles) -> Doubles:
    """``gravity``: signed vertical and horizontal magnitude, (n, steps, 2), from three axes.

    Vertical is the direction of the window's mean (D. Mizell, "Using gravity to estimate
    accelerometer orientation", ISWC 2003). How the device is worn does not matter.
    """
    mean = windows.mean(axis=1, keepdims=True)
    length = np.sqrt((mean * mean).sum(axis=2, keepdims=True))
    down = np.where(length > TINY, mean / np.maximum(length, TINY), 0.0)
    vertical = (windows * down).sum(axis=2)
    horizontal = np.sqrt(((windows - vertical[..., None] * down) ** 2).sum(axis=2))
    return np.stack([vertical, horizontal], axis=2)


def magnitude(windows: Doubles) -> Doubles:
    """``magnitude``: the length of the vector, (n, steps, 1)."""
    return np.asarray(np.sqrt((windows * windows).sum(axis=2, keepdims=True)))


def compressed(windows: Doubles) -> Doubles:
    """sign(x) ln(1 + |x|): strokes of a fall do not drown everything else."""
    return np.asarray(np.sign(windows) * np.log1p(np.abs(windows)))


#: What each view makes of windows; all but ``zscore`` are then scaled over all windows.
VIEWS: Mapping[str, Callable[[Doubles], Doubles]] = {
    "zscore": centred,
    "scaled": lambda windows: windows,
    "gravity": upright,
    "log_gravity": lambda windows: compressed(upright(windows)),
    "log_magnitude": lambda windows: compressed(magnitude(windows)),
}


def views_of(roles: Mapping[str, Series], view: str, steps: int) -> dict[str, Series]:
    """One view of the windows of all roles, float32 (n, steps, channels) each.

    Args:
        roles: shared-modality windows by role, float32 (n, samples, channels), finite.
        view: a name of :data:`VIEWS`.
        steps: steps per window.

    Raises:
        InputError: for ``gravity`` of a modality that has not three channels.
    """
    channels = next(iter(roles.values())).shape[2]
    if "gravity" in view and channels != 3:
        raise InputError(
            f"binding.rerank.view is {view!r}, but the shared modality has {channels} channels, not three axes.",
            hint="Choose another view.",
        )
    viewed = {role: _blockwise(signals, VIEWS[view], steps) for role, signals in sorted(roles.items())}
    if view == "zscore":
        return viewed
    count = sum(values.shape[0] * steps for values in viewed.values())
    mean = sum(values.sum(axis=(0, 1), dtype=np.float64) for values in viewed.values()) / count
    squares = sum(((values - mean) ** 2).sum(axis=(0, 1), dtype=np.float64) for values in viewed.values())
    deviation = np.sqrt(squares / count)
    deviation = np.where(deviation > TINY, deviation, 1.0)
    return {role: ((values - mean) / deviation).astype(np.float32) for role, values in viewed.items()}


def _blockwise(signals: Series, view: Callable[[Doubles], Doubles], steps: int) -> Series:
    """A view of many windows; memory beside the answer is that of one block."""
    parts = [
        view(resampled(signals[start : start + BLOCK], steps)).astype(np.float32)
        for start in range(0, len(signals), BLOCK)
    ]
    return np.concatenate(parts)

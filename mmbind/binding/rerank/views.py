"""What is warped: representations of the shared modality's windows, shortened by averages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from mmbind.binding.rerank.warping import Series
from mmbind.encoders.representations import gravity_aligned, magnitude, raw, shortened, vertical, z_scored

Doubles = npt.NDArray[np.float64]
#: Windows that are looked at together.
BLOCK = 4096
#: Least deviation that counts: below it a window or a channel is constant.
TINY = 1e-6


def centred(windows: Series) -> Series:
    """Channels without their mean, the window's mean square set to one; zeros where it is constant.

    Unlike z-scores, channels keep their proportions, so that noise on a quiet axis stays quiet.
    """
    values = windows.astype(np.float64)
    rest = values - values.mean(axis=1, keepdims=True)
    size = np.sqrt((rest * rest).mean(axis=(1, 2), keepdims=True))
    unit: Series = np.where(size > TINY, rest / np.maximum(size, TINY), 0.0).astype(np.float32)
    return unit


#: What each view makes of windows.
VIEWS: Mapping[str, Callable[[Series], Series]] = {
    "centred": centred,
    "z_scored": z_scored,
    "raw": raw,
    "magnitude": magnitude,
    "gravity": gravity_aligned,
    "vertical": vertical,
}
#: Views whose windows have unit variance by themselves; the others are scaled over all windows.
UNIT = ("centred", "z_scored")


def views_of(roles: Mapping[str, Series], view: str, steps: int) -> dict[str, Series]:
    """One view of the windows of all roles, float32 (n, steps, views) each.

    Args:
        roles: shared-modality windows by role, float32 (n, samples, channels), finite.
        view: a name of :data:`VIEWS`.
        steps: steps per window; windows that have no more keep theirs.

    Raises:
        InputError: for a view that needs sensors of three axes, where they have others.
    """
    viewed = {role: _blockwise(signals, VIEWS[view], steps) for role, signals in sorted(roles.items())}
    if view in UNIT:
        return viewed
    mean, deviation = _scale(viewed)
    return {role: ((values - mean) / deviation).astype(np.float32) for role, values in viewed.items()}


def view_beside(roles: Mapping[str, Series], others: Series, view: str, steps: int) -> Series:
    """The same view of other windows, scaled as the roles' are.

    Args:
        roles: as for :func:`views_of`.
        others: windows of another role, float32 (n, samples, channels), finite.
        view: a name of :data:`VIEWS`.
        steps: steps per window.
    """
    seen = _blockwise(others, VIEWS[view], steps)
    if view in UNIT:
        return seen
    mean, deviation = _scale({role: _blockwise(signals, VIEWS[view], steps) for role, signals in sorted(roles.items())})
    scaled: Series = ((seen - mean) / deviation).astype(np.float32)
    return scaled


def _scale(viewed: Mapping[str, Series]) -> tuple[Doubles, Doubles]:
    """Mean and deviation of every channel over all windows, float64 (channels) each."""
    count = sum(values.shape[0] * values.shape[1] for values in viewed.values())
    mean = sum(values.sum(axis=(0, 1), dtype=np.float64) for values in viewed.values()) / count
    squares = sum(((values - mean) ** 2).sum(axis=(0, 1), dtype=np.float64) for values in viewed.values())
    deviation = np.sqrt(squares / count)
    return np.asarray(mean), np.where(deviation > TINY, deviation, 1.0)


def _blockwise(signals: Series, view: Callable[[Series], Series], steps: int) -> Series:
    """A view of many windows; memory beside the answer is that of one block."""
    starts = range(0, len(signals), BLOCK)
    return np.concatenate([view(shortened(signals[start : start + BLOCK], steps)) for start in starts])

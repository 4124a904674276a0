"""Whether one method beats another: one rule, for seeds and for rotations.

The rule is the paired t test at 5 % (Student, 1908): the 95 % interval of the mean
difference must not hold zero. Runs of one seed, or of one rotation, make a pair.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Pairs below which nothing is called a gain or a loss.
FEWEST = 3
#: Confidence of the interval.
CONFIDENCE = 0.95


def interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % t interval of the mean of paired differences, in their unit.

    Args:
        differences: one per pair.

    Returns:
        Its ends; None from fewer than three pairs.
    """
    if len(differences) < FEWEST:
        return None
    from scipy.special import stdtrit

    mean, error = float(np.mean(differences)), float(np.std(differences, ddof=1)) / len(differences) ** 0.5
    reach = float(stdtrit(len(differences) - 1, (1 + CONFIDENCE) / 2)) * error
    return mean - reach, mean + reach


def sentence(differences: Sequence[float], rival: str, over: str) -> str:
    """Says whether MMBind beats a rival, by how much, and on what grounds.

    Args:
        differences: accuracy of MMBind minus the rival's, in [-1, 1], one per pair; at least one.
        rival: what the rival is called, without an article.
        over: what the pairs are, in the plural, e.g. ``"seeds"``.
    """
    points = [100 * value for value in differences]
    mean, pairs = float(np.mean(points)), len(points)
    ahead = f"ahead in {sum(value > 0 for value in points)} of {pairs}"
    ends = interval(points)
    if ends is None:
        return (
            f"MMBind and the {rival}: no verdict from fewer than {FEWEST} {over} "
            f"({mean:+.1f} points of accuracy on average, {ahead})."
        )
    grounds = f"{100 * CONFIDENCE:.0f} % interval {ends[0]:+.1f} to {ends[1]:+.1f} over {pairs} {over}, {ahead}"
    if ends[0] > 0:
        return f"MMBind gains {mean:.1f} points of accuracy over the {rival} ({grounds})."
    if ends[1] < 0:
        return f"MMBind loses {-mean:.1f} points of accuracy against the {rival} ({grounds})."
    return (
        f"MMBind and the {rival}: no difference that these {over} can show "
        f"({mean:+.1f} points of accuracy on average, {grounds})."
    )

"""Intervals and differences against slow, obvious references."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.reports.results.statistics import bootstrap_interval, difference, spread
from tests.unit.reports.results.rows import results_of, run_row

points = st.floats(-0.3, 0.3).map(lambda value: round(value, 4))


@given(st.lists(points, min_size=3, max_size=5))
@settings(deadline=None, max_examples=40)
def test_the_interval_is_that_of_all_resamples(values: list[float]) -> None:
    every = sorted(float(np.mean(drawn)) for drawn in product(values, repeat=len(values)))
    low, high = bootstrap_interval([[value] for value in values]) or (0.0, 0.0)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    for end, share in ((low, 0.025), (high, 0.975)):
        # its rank among all resamples is the share, up to what 10,000 of them can tell
        below = sum(mean < end - 1e-9 for mean in every) / len(every)
        upto = sum(mean <= end + 1e-9 for mean in every) / len(every)
        assert below - 0.01 <= share <= upto + 0.01


@given(st.lists(points, min_size=3, max_size=8), st.floats(-1, 1))
@settings(deadline=None, max_examples=25)
def test_a_shift_of_all_rotations_shifts_the_interval(values: list[float], shift: float) -> None:
    plain = bootstrap_interval([[value] for value in values])
    moved = bootstrap_interval([[value + shift] for value in values])
    assert plain is not None
    assert moved == pytest.approx([plain[0] + shift, plain[1] + shift], abs=1e-9)
    assert bootstrap_interval([[value] for value in values]) == plain


@given(st.lists(st.lists(points, min_size=1, max_size=3), min_size=3, max_size=3))
@settings(deadline=None, max_examples=25)
def test_seeds_are_drawn_within_their_rotation(values: list[list[float]]) -> None:
    means = [[float(np.mean(drawn)) for drawn in product(seeds, repeat=len(seeds))] for seeds in values]
    every = [
        (float(np.mean(drawn)), float(np.prod([1 / len(means[rotation]) for rotation in rotations])))
        for rotations in product(range(3), repeat=3)
        for drawn in product(*(means[rotation] for rotation in rotations))
    ]
    total = sum(share for _, share in every)
    low, high = bootstrap_interval(values) or (0.0, 0.0)
    for end, share in ((low, 0.025), (high, 0.975)):
        below = sum(weight for mean, weight in every if mean < end - 1e-9) / total
        upto = sum(weight for mean, weight in every if mean <= end + 1e-9) / total
        assert below - 0.01 <= share <= upto + 0.01


def test_seeds_that_disagree_widen_the_interval() -> None:
    agreed, apart = [[0.02, 0.02]] * 6, [[0.05, -0.01]] * 6
    assert bootstrap_interval(agreed) == (pytest.approx(0.02), pytest.approx(0.02))
    low, high = bootstrap_interval(apart) or (0.0, 0.0)
    assert low < 0.01 < 0.03 < high


def test_a_gain_is_one_by_both_intervals() -> None:
    """Three rotations that differ much: each is above zero, but the t interval is not."""
    rows = [
        run_row(method=method, rotation=f"p{at}", accuracy=value)
        for method, values in (("mmbind", (0.51, 0.55, 0.80)), ("lower", (0.5, 0.5, 0.5)))
        for at, value in enumerate(values)
    ]
    found = difference(results_of(*rows).runs, "mmbind", "lower")
    assert found is not None
    assert found.interval is not None
    assert found.interval[0] > 0
    assert (found.above, found.doubtful) == (False, True)


def test_fewer_than_three_rotations_have_no_interval() -> None:
    assert bootstrap_interval([[0.1], [0.2]]) is None
    assert bootstrap_interval([[0.1], [0.1], [0.1]]) == (pytest.approx(0.1), pytest.approx(0.1))


def test_differences_pair_rotations_and_seeds_that_both_have() -> None:
    ours = {("p0", 0): 0.8, ("p0", 1): 0.6, ("p1", 0): 0.9, ("p2", 0): 0.7}
    theirs = {("p0", 0): 0.5, ("p0", 1): 0.5, ("p1", 0): 0.8, ("p1", 1): 0.1, ("p3", 0): 0.9}
    rows = [
        run_row(method=method, rotation=rotation, seed=seed, accuracy=value)
        for method, runs in (("mmbind", ours), ("lower", theirs))
        for (rotation, seed), value in runs.items()
    ]
    found = difference(results_of(*rows).runs, "mmbind", "lower")
    assert found is not None
    assert found.by_rotation == {"p0": pytest.approx(0.2), "p1": pytest.approx(0.1)}
    assert found.by_seed == {0: pytest.approx(0.2), 1: pytest.approx(0.1)}
    assert found.mean == pytest.approx(0.15)
    assert (found.interval, found.above, found.below) == (None, False, False)
    assert difference(results_of(*rows).runs, "mmbind", "oracle") is None


def test_the_deviation_is_that_of_runs() -> None:
    assert spread(pl.Series([0.5])) == (0.5, None)
    mean, deviation = spread(pl.Series([0.4, 0.6, 0.8]))
    assert (mean, deviation) == (pytest.approx(0.6), pytest.approx(0.2))

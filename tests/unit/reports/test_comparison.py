"""One rule: a difference is called so when its paired 95 % t interval does not hold zero."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from mmbind.reports.comparison import interval, sentence

GAPS = st.lists(st.integers(-100, 100).map(lambda value: value / 100), min_size=3, max_size=12)


@given(GAPS)
@settings(deadline=None, max_examples=60)
def test_it_is_the_paired_t_test(gaps: list[float]) -> None:
    assume(len(set(gaps)) > 1)
    expected = ttest_1samp(gaps, 0).confidence_interval(0.95)
    assert interval(gaps) == pytest.approx((expected.low, expected.high))


@given(GAPS)
@settings(deadline=None, max_examples=60)
def test_gains_of_one_are_losses_of_the_other(gaps: list[float]) -> None:
    said, turned = sentence(gaps, "rival", "seeds"), sentence([-gap for gap in gaps], "rival", "seeds")
    assert ("MMBind gains" in said) == ("MMBind loses" in turned)
    assert ("no difference" in said) == ("no difference" in turned)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=2))
@settings(deadline=None, max_examples=30)
def test_two_pairs_decide_nothing(gaps: list[float]) -> None:
    assert interval(gaps) is None
    assert "no verdict from fewer than 3 rotations" in sentence(gaps, "rival", "rotations")


def test_gaps_that_are_all_the_same() -> None:
    assert "MMBind gains 1.0 points" in sentence([0.01] * 3, "rival", "seeds")
    assert "no difference" in sentence([0.0] * 3, "rival", "seeds")

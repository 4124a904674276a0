from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbind.binding.quality import k_occurrence, overall, quality_of, skewness
from mmbind.binding.weights import weigh
from mmbind.config import WeightMap
from mmbind.schema import PAIRS, empty

similarities = st.lists(st.floats(-1, 1), min_size=1, max_size=30).map(lambda s: np.sort(np.array(s)))
maps = st.builds(
    WeightMap,
    kind=st.sampled_from(["log", "linear", "none"]),
    slope=st.floats(0.01, 50),
    offset=st.floats(-2, 2),
)


@given(similarities, maps)
def test_weights_lie_in_0_1_and_never_fall(values: np.ndarray, weight: WeightMap) -> None:
    weights = weigh(values, weight)
    assert ((weights >= 0) & (weights <= 1)).all()
    assert (np.diff(weights) >= 0).all()
    if weight.kind != "none":
        assert (weights[values <= 0] == 0).all()


@pytest.mark.parametrize(
    ("weight", "similarity", "expected"),
    [
        (WeightMap(kind="log", slope=0.5), 1.0, 1.0),
        (WeightMap(kind="log", slope=0.5), 0.5, 1 + 0.5 * math.log(0.5)),
        (WeightMap(kind="log", slope=0.5), math.exp(-3), 0.0),
        (WeightMap(kind="linear", slope=3.0, offset=0.5), 0.75, 0.75),
        (WeightMap(kind="linear", slope=1.0), 0.3, 0.3),
        (WeightMap(kind="none"), -0.2, 1.0),
    ],
)
def test_documented_values(weight: WeightMap, similarity: float, expected: float) -> None:
    assert weigh(np.array([similarity]), weight)[0] == pytest.approx(expected)


def test_hubs_and_coverage() -> None:
    pairs = empty(PAIRS).clear(4).with_columns(
        partner=np.array(["x", "x", "x", "y"]), rank=1, mutual=np.array([True, False, False, True]),
        similarity=np.array([0.9, 0.8, 0.7, 0.6]), weight=1.0, margin=np.array([0.1, 0.1, None, 0.1], dtype=float),
    )  # fmt: skip
    assert k_occurrence(pairs, 5).tolist() == [0, 0, 0, 1, 3]
    figures = quality_of(pairs, 5)
    assert figures["hubness_max"] == 3
    assert figures["coverage"] == 0.4
    assert figures["mutual"] == 0.5
    assert figures["similarity"] == pytest.approx(0.75)
    assert figures["hubness_skew"] == pytest.approx(1.824 / 1.36**1.5)
    assert overall([figures, {**figures, "coverage": 0.6, "hubness_max": 7.0}])["coverage"] == pytest.approx(0.5)


def test_equal_use_has_no_skew() -> None:
    assert skewness(np.ones(7, dtype=np.int64)) == 0

"""Weights as probabilities: monotone, in [0, 1], and told without labels."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding import bind
from mmbind.binding.calibration import Calibration, find_consistent
from mmbind.binding.graph import build_graph
from mmbind.binding.select.base import taken
from mmbind.files import read_json
from tests.unit.binding.rig import two_roles, unit


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.booleans()), min_size=1, max_size=60), st.data())
def test_a_higher_score_never_means_less(pairs: list[tuple[float, bool]], data: st.DataObject) -> None:
    scores, right = (np.array(column) for column in zip(*pairs, strict=True))
    calibration = Calibration.fit(scores, right)
    asked = np.sort(np.array(data.draw(st.lists(st.floats(-2, 2), min_size=2, max_size=20))))
    told = calibration(asked)
    assert (np.diff(told) >= -1e-12).all()
    assert ((told >= 0) & (told <= 1)).all()
    shuffled = np.random.default_rng(0).permutation(len(scores))
    np.testing.assert_allclose(Calibration.fit(scores[shuffled], right[shuffled])(asked), told)


def test_levels_by_hand() -> None:
    """Two blocks: 1 of 2 right, then 2 of 2; each smoothed by one pair that is right 3 times in 4."""
    calibration = Calibration.fit(np.array([0.1, 0.2, 0.8, 0.9]), np.array([True, False, True, True]))
    np.testing.assert_allclose(calibration.scores, [0.15, 0.85])
    np.testing.assert_allclose(calibration.probabilities, [(1 + 0.75) / 3, (2 + 0.75) / 3])


def test_many_pairs_give_back_the_true_probability() -> None:
    random = np.random.default_rng(1)
    scores = random.random(20_000)
    right = random.random(20_000) < scores**2
    told = Calibration.fit(scores, right)(np.linspace(0.1, 0.9, 9))
    np.testing.assert_allclose(told, np.linspace(0.1, 0.9, 9) ** 2, atol=0.05)


def test_pairs_that_lead_back_count_as_right() -> None:
    """Anchor 0 -> lender 0 -> 0 (itself); 1 -> 1 -> 2 (its neighbour); 2 -> 2 -> 0 (astray); 3 -> 3 -> nobody."""
    rows, columns = np.array([0, 1, 2, 2, 0, 3]), np.array([0, 1, 2, 1, 2, 3])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    graph = build_graph(rows, columns, scores, scores, (4, 4))
    edge = {(int(r), int(c)): e for e, (r, c) in enumerate(zip(graph.anchors, graph.lenders, strict=True))}
    back = graph.transposed
    edge_back = {(int(c), int(r)): e for e, (c, r) in enumerate(zip(back.anchors, back.lenders, strict=True))}
    there = taken(np.array([[edge[i, i]] for i in range(4)]))
    home = taken(np.array([[edge_back[0, 0]], [edge_back[1, 2]], [edge_back[2, 0]], [-1]]))
    neighbours = np.array([[1], [2], [1], [0]])
    found, right = find_consistent(graph, there, home, neighbours)
    np.testing.assert_allclose(found, [0.9, 0.8, 0.7])
    assert right.tolist() == [True, True, False]


@pytest.mark.parametrize("select", ["nearest", "transport", "mutual"])
def test_a_binding_s_weights_are_its_probabilities(tmp_path: Path, select: str) -> None:
    random = np.random.default_rng(2)
    centres = random.normal(size=(8, 6))
    a, b = (unit(np.repeat(centres, 6, axis=0) + spread * random.normal(size=(48, 6))) for spread in (0.2, 0.9))
    calibrated = {"kind": "calibrated", "neighbours": 3}
    study = two_roles(tmp_path, a, b, rerank={"kind": "none"}, select={"kind": select}, weight=calibrated)
    bind(study)
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    weights, scores = pairs["weight"].to_numpy(), pairs["score"].to_numpy()
    assert ((weights >= 0) & (weights <= 1)).all()
    np.testing.assert_array_equal(weights, pairs["probability"].to_numpy())
    for loan in ("gyro", "mag"):
        here = (pairs["borrowed_modality"] == loan).to_numpy()
        order = np.argsort(scores[here], kind="stable")
        assert (np.diff(weights[here][order]) >= 0).all()
    points = read_json(study.bindings / "manifest.json")["calibration"]["A borrows mag"]
    assert len(points["scores"]) == len(points["probabilities"]) > 0

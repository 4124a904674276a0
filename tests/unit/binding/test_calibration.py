"""Weights as probabilities: monotone, in [0, 1], and told without labels."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding import bind
from mmbind.binding.calibration import Calibration, by_cycles
from mmbind.binding.graph import build_graph
from mmbind.binding.select.base import taken
from mmbind.errors import InputError
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


def test_the_probability_of_one_choice_is_the_root_of_that_of_two() -> None:
    """Half of all choices are right, there and back: a quarter of the cycles close, and the pairs are worth a half."""
    chance = np.random.default_rng(0)
    classes = np.repeat(np.arange(10), 40)
    vectors = unit(np.eye(10)[classes] + 0.05 * chance.normal(size=(400, 10)))

    def choose() -> np.ndarray:
        wrong = (classes + chance.integers(1, 10, 400)) % 10
        right = chance.random(400) < 0.5
        return np.where(right, classes, wrong) * 40 + chance.integers(0, 40, 400)

    rows = np.arange(400)
    there, back = choose(), choose()
    flat = np.full(800, 0.5)
    graph = build_graph(np.concatenate([rows, back]), np.concatenate([there, rows]), flat, flat, (400, 400))
    edge = {(int(r), int(c)): e for e, (r, c) in enumerate(zip(graph.anchors, graph.lenders, strict=True))}
    home = graph.transposed
    edge_home = {(int(c), int(r)): e for e, (c, r) in enumerate(zip(home.anchors, home.lenders, strict=True))}
    chosen = taken(np.array([[edge[i, int(there[i])]] for i in rows]))
    returned = taken(np.array([[edge_home[j, int(back[j])]] for j in rows]))
    told = by_cycles(graph, chosen, returned, vectors, 39)(np.array([0.5]))
    assert abs(told[0] - 0.5) < 0.06


@pytest.mark.parametrize("select", ["nearest", "transport", "mutual"])
@pytest.mark.parametrize("neighbours", [None, 3])
def test_a_binding_s_weights_are_its_probabilities(tmp_path: Path, select: str, neighbours: int | None) -> None:
    random = np.random.default_rng(2)
    centres = random.normal(size=(8, 6))
    a, b = (unit(np.repeat(centres, 6, axis=0) + spread * random.normal(size=(48, 6))) for spread in (0.2, 0.9))
    calibrated = {"kind": "calibrated", "neighbours": neighbours}
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


def test_where_nobody_may_be_paired_people_are_told_so(tmp_path: Path) -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(6, 4)))
    study = two_roles(tmp_path, vectors, vectors, weight={"kind": "calibrated"}, constraints={"subject": "different"})
    with pytest.raises(InputError, match=r"No window found a partner.*12 "):
        bind(study)

"""Cycles: who leads back to windows like those it came from."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding import cycles
from mmbind.binding.cycles import Cycles, walk
from mmbind.binding.graph import Graph, build_graph
from mmbind.binding.select import build_rule
from mmbind.binding.select.base import Selection, taken
from mmbind.config.binding import Nearest
from tests.unit.binding.rig import random_vectors, unit


def four() -> tuple[Graph, Selection, Selection]:
    """Anchor 0 -> lender 0 -> 0 (itself); 1 -> 1 -> 2; 2 -> 2 -> 0; 3 -> 3 -> nobody."""
    rows, columns = np.array([0, 1, 2, 2, 0, 3]), np.array([0, 1, 2, 1, 2, 3])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    graph = build_graph(rows, columns, scores, scores, (4, 4))
    edge = {(int(r), int(c)): e for e, (r, c) in enumerate(zip(graph.anchors, graph.lenders, strict=True))}
    back = graph.transposed
    edge_back = {(int(c), int(r)): e for e, (c, r) in enumerate(zip(back.anchors, back.lenders, strict=True))}
    there = taken(np.array([[edge[i, i]] for i in range(4)]))
    home = taken(np.array([[edge_back[0, 0]], [edge_back[1, 2]], [edge_back[2, 0]], [-1]]))
    return graph, there, home


def test_ends_are_ranked_by_hand() -> None:
    """On a line: 0 and 3 far apart, 1 and 2 between them, nearer to each other than to the ends."""
    angles = np.array([0.0, 0.5, 0.6, 1.5])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    found = walk(*four(), vectors)
    np.testing.assert_allclose(found.scores, [0.9, 0.8, 0.7])
    np.testing.assert_allclose(found.ends, [0, 1 / 3, 2 / 3])  # itself; the nearest of three; the second
    assert found.windows == 3
    assert found.closed(0).tolist() == [True, False, False]
    assert found.closed(1).tolist() == [True, True, False]


def test_the_radius_that_tells_most_is_the_size_of_a_class() -> None:
    """Six in ten end among the tenth that does the same, the others anywhere: within a third of it they count."""
    chance = np.random.default_rng(0)
    ends = np.where(chance.random(50_000) < 0.6, chance.uniform(0, 0.1, 50_000), chance.random(50_000))
    closed = Cycles(np.zeros(50_000), ends, 1000).closed()
    assert 0.028 < ends[closed].max() < 0.036


@given(seed=st.integers(0, 1000), distinct=st.integers(1, 12))
@settings(deadline=None, max_examples=20)
def test_which_window_comes_first_changes_nothing(seed: int, distinct: int) -> None:
    chance = np.random.default_rng(seed)
    base = random_vectors(distinct, 4, seed)
    a, b = (base[chance.integers(0, distinct, 12)] for _ in range(2))
    order = chance.permutation(12)

    def ends(rows: np.ndarray) -> np.ndarray:
        similarities = (rows @ b.T).astype(np.float64).ravel()
        graph = build_graph(np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12), *[similarities] * 2, (12, 12))
        rule = build_rule(Nearest())
        return walk(graph, rule.select(graph, 2), taken(np.tile(graph.transposed.best(12), 1)), rows).ends.reshape(
            12, -1
        )

    np.testing.assert_array_equal(np.sort(ends(a)[order]), np.sort(ends(a[order])))


def test_windows_that_are_all_alike_close_half_the_cycles_at_best() -> None:
    """Nothing tells the windows apart: an end is as far as half of them."""
    found = walk(*four(), unit(np.ones((4, 2))))
    np.testing.assert_allclose(found.ends, [0, 2 / 3, 2 / 3])
    assert found.closed(1).tolist() == [True, False, False]


def test_many_anchors_are_sampled(monkeypatch: object) -> None:
    vectors = random_vectors(300, 6)
    similarities = (vectors @ vectors.T).astype(np.float64).ravel()
    graph = build_graph(
        np.repeat(np.arange(300), 300), np.tile(np.arange(300), 300), similarities, similarities, (300, 300)
    )
    rule = build_rule(Nearest())
    whole = walk(graph, rule.select(graph, 3), rule.select(graph.transposed, 3), vectors)
    monkeypatch.setattr(cycles, "ANCHORS", 100)  # type: ignore[attr-defined]
    monkeypatch.setattr(cycles, "REFERENCES", 150)  # type: ignore[attr-defined]
    some = walk(graph, rule.select(graph, 3), rule.select(graph.transposed, 3), vectors)
    assert (len(whole.ends), len(some.ends), some.windows) == (2700, 900, 150)
    assert abs(np.median(some.ends) - np.median(whole.ends)) < 0.05

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding.graph import Graph, build_graph
from mmbind.binding.select import build_rule
from mmbind.binding.select.transport import TransportRule
from mmbind.config.binding import Capped, Csls, Mutual, Nearest, Ratio, Select, Softmax, Transport
from tests.unit.binding.graphs import graphs

EVERY = [
    Nearest(),
    Softmax(),
    Mutual(),
    Csls(neighbours=3),
    Capped(cap=2),
    Transport(),
    Transport(damping=1.0),
    Ratio(),
]
rules = st.sampled_from(EVERY)


def full(scores: list[list[float]]) -> Graph:
    table = np.array(scores)
    rows, columns = np.indices(table.shape).reshape(2, -1)
    return build_graph(rows, columns, table.ravel(), table.ravel(), (table.shape[0], table.shape[1]))


def partners_of(graph: Graph, settings: Select, partners: int = 1) -> list[list[int]]:
    selection = build_rule(settings).select(graph, partners)
    return [[int(graph.lenders[edge]) for edge in row if edge >= 0] for row in selection.edges]


@given(graph=graphs, rule=rules, partners=st.integers(1, 4))
@settings(deadline=None, max_examples=150)
def test_what_holds_for_every_rule(graph: Graph, rule: Select, partners: int) -> None:
    selection = build_rule(rule).select(graph, partners)
    assert selection.edges.shape == selection.shares.shape == (graph.height, partners)
    assert ((selection.shares >= 0) & (selection.shares <= 1)).all()
    for row, edges in enumerate(selection.edges):
        real = edges[edges >= 0]
        assert (edges[: len(real)] >= 0).all()  # none of them comes last
        assert len(set(real.tolist())) == len(real)
        assert ((real >= graph.starts[row]) & (real < graph.starts[row + 1])).all()
    assert (selection.shares[selection.edges < 0] == 0).all()
    again = build_rule(rule).select(graph, partners)
    assert again.edges.tobytes() == selection.edges.tobytes()
    assert again.shares.tobytes() == selection.shares.tobytes()


@given(graph=graphs, partners=st.integers(1, 3))
@settings(deadline=None, max_examples=50)
def test_mutual_is_symmetric(graph: Graph, partners: int) -> None:
    ours = {(i, j) for i, row in enumerate(partners_of(graph, Mutual(), partners)) for j in row}
    theirs = {(i, j) for j, row in enumerate(partners_of(graph.transposed, Mutual(), partners)) for i in row}
    assert ours == theirs


@given(graph=graphs, cap=st.integers(1, 4), partners=st.integers(1, 3))
@settings(deadline=None, max_examples=50)
def test_capped_means_capped(graph: Graph, cap: int, partners: int) -> None:
    chosen = partners_of(graph, Capped(cap=cap), partners)
    lent = np.bincount([j for row in chosen for j in row], minlength=graph.width)
    assert lent.max(initial=0) <= cap
    for row, mine in enumerate(chosen):  # nobody goes without while a candidate could still lend
        if len(mine) < partners:
            others = set(graph.lenders[graph.starts[row] : graph.starts[row + 1]].tolist()) - set(mine)
            assert all(lent[j] == cap for j in others)


@given(graph=graphs, partners=st.integers(1, 4), rule=st.sampled_from([Softmax(), Transport()]))
@settings(deadline=None, max_examples=40)
def test_shares_of_an_anchor_add_up_to_one(graph: Graph, partners: int, rule: Select) -> None:
    selection = build_rule(rule).select(graph, partners)
    np.testing.assert_allclose(selection.shares.sum(axis=1), selection.bound, atol=1e-12)


@given(seed=st.integers(0, 1000), height=st.integers(2, 8), width=st.integers(2, 8))
@settings(deadline=None, max_examples=20)
def test_balanced_transport_uses_everybody_equally(seed: int, height: int, width: int) -> None:
    graph = full(np.random.default_rng(seed).random((height, width)).tolist())
    plan = np.exp(TransportRule(Transport(damping=1.0, temperature=1.0, iterations=500)).plan(graph))
    table = plan.reshape(height, width)
    np.testing.assert_allclose(table.sum(axis=1), 1 / height, rtol=1e-3)
    np.testing.assert_allclose(table.sum(axis=0), 1 / width, rtol=1e-3)


def test_each_rule_does_what_its_name_says() -> None:
    # lender 0 is a hub: everybody's nearest, though lender 1 is made for anchor 1
    graph = full([[0.9, 0.1, 0.2], [0.85, 0.8, 0.1], [0.8, 0.1, 0.3]])
    assert partners_of(graph, Nearest()) == [[0], [0], [0]]
    assert partners_of(graph, Nearest(), 2) == [[0, 2], [0, 1], [0, 2]]
    assert partners_of(graph, Mutual()) == [[0], [], []]
    assert partners_of(graph, Csls(neighbours=2)) == [[0], [1], [0]]
    assert partners_of(graph, Capped(cap=1)) == [[0], [1], [2]]
    assert partners_of(graph, Transport(damping=1.0)) == [[0], [1], [2]]
    assert partners_of(graph, Ratio(ratio=0.5)) == [[0], [], []]
    softmax = build_rule(Softmax(temperature=1.0)).select(graph, 2)
    assert softmax.shares[0].tolist() == pytest.approx([1 / (1 + np.exp(-0.7)), 1 / (1 + np.exp(0.7))])


def test_partners_by_csls_weigh_by_their_scaled_scores() -> None:
    graph = full([[0.9, 0.6, 0.1], [0.8, 0.7, 0.0]])
    # neighbourhoods of one: r = .9 and .8 for the anchors, .9, .7 and .1 for the lenders
    scaled = [2 * 0.6 - 0.9 - 0.7, 2 * 0.9 - 0.9 - 0.9]
    selection = build_rule(Csls(neighbours=1, temperature=0.5)).select(graph, 2)
    best = np.exp(np.array([scaled[1], scaled[0]]) / 0.5)
    assert [int(graph.lenders[edge]) for edge in selection.edges[0]] == [0, 1]
    assert selection.shares[0].tolist() == pytest.approx((best / best.sum()).tolist())
    sharp = build_rule(Csls(neighbours=1, temperature=1e-3)).select(graph, 2)
    assert sharp.shares[0].tolist() == pytest.approx([1, 0])


def test_unbalanced_transport_lets_a_frequent_class_lend_more() -> None:
    # two lenders of the class that nine anchors have, seven of another that one anchor has
    rng = np.random.default_rng(0)
    anchors, lenders = np.array([0] * 9 + [1]), np.array([0] * 2 + [1] * 7)
    scores = (anchors[:, None] == lenders[None]) + 0.02 * rng.normal(size=(10, 9))
    graph = full(scores.tolist())

    def purity(damping: float) -> float:
        chosen = partners_of(graph, Transport(damping=damping))
        return float(np.mean([lenders[row[0]] == anchor for row, anchor in zip(chosen, anchors, strict=True)]))

    assert purity(0.6) == 1
    assert purity(1.0) < 1


def test_scores_that_are_all_alike_leave_nobody_without() -> None:
    graph = full([[0.5] * 4] * 3)
    for rule in (Nearest(), Softmax(), Csls(), Transport(), Transport(damping=1.0)):
        assert [len(row) for row in partners_of(graph, rule)] == [1, 1, 1]

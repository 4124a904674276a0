from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding.graph import Graph, build_graph
from tests.unit.binding.graphs import edges_of, graphs


@given(graph=graphs, count=st.integers(1, 6))
@settings(deadline=None, max_examples=60)
def test_best_edges_are_those_of_a_sort(graph: Graph, count: int) -> None:
    best = graph.best(count)
    for row in range(graph.height):
        edges = range(graph.starts[row], graph.starts[row + 1])
        wanted = sorted(edges, key=lambda edge: (-graph.scores[edge], graph.lenders[edge]))[:count]
        assert best[row].tolist() == wanted + [-1] * (count - len(wanted))


@given(graph=graphs)
@settings(deadline=None, max_examples=40)
def test_transposing_swaps_the_sides_and_nothing_else(graph: Graph) -> None:
    back = graph.transposed
    assert edges_of(back) == {(lender, anchor): score for (anchor, lender), score in edges_of(graph).items()}
    assert (back.height, back.width) == (graph.width, graph.height)
    assert graph.to_transposed(graph.scores).tolist() == back.scores.tolist()
    assert back.to_transposed(back.scores).tolist() == graph.scores.tolist()
    assert back.transposed is graph


@given(graph=graphs, seed=st.integers(0, 100))
@settings(deadline=None, max_examples=40)
def test_edges_may_come_in_any_order_and_twice(graph: Graph, seed: int) -> None:
    twice = np.concatenate([np.arange(len(graph.lenders))] * 2)
    order = np.random.default_rng(seed).permutation(twice)
    again = build_graph(
        np.append(graph.anchors[order], 0), np.append(graph.lenders[order], -1),
        np.append(graph.similarities[order], 0), np.append(graph.scores[order], 0), (graph.height, graph.width),
    )  # fmt: skip
    assert edges_of(again) == edges_of(graph)
    assert again.starts.tolist() == graph.starts.tolist()


@given(graph=graphs, seed=st.integers(0, 100))
@settings(deadline=None, max_examples=20)
def test_only_keeps_the_edges_of_the_mask(graph: Graph, seed: int) -> None:
    keep = np.random.default_rng(seed).random(len(graph.lenders)) < 0.5
    kept = graph.only(keep)
    pairs = zip(graph.anchors[keep].tolist(), graph.lenders[keep].tolist(), strict=True)
    assert list(edges_of(kept)) == list(pairs)
    assert (kept.height, kept.width) == (graph.height, graph.width)

"""Beliefs that spread over a graph, against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from mmbind.learning.propagation import balance, normalised, prior_of, propagate


def graph(edges: dict[tuple[int, int], float], nodes: int) -> sparse.csr_array:
    matrix = np.zeros((nodes, nodes))
    for (a, b), weight in edges.items():
        matrix[a, b] = weight
    return sparse.csr_array(matrix)


def test_an_edge_counts_in_both_directions_by_its_heavier_weight() -> None:
    found = normalised(graph({(0, 1): 0.5, (1, 0): 0.2, (1, 2): 0.5}, 4)).toarray()
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = expected[1, 2] = expected[2, 1] = 0.5 / np.sqrt(0.5 * 1.0)
    np.testing.assert_allclose(found, expected)


def test_one_round_by_hand() -> None:
    beliefs = np.array([[1.0, 0.0], [0.4, 0.6], [0.5, 0.5]])
    found = propagate(graph({(0, 1): 1.0}, 3), beliefs, keep=0.2, rounds=1)
    first = 0.8 * beliefs[1] + 0.2 * beliefs[0]
    second = 0.8 * beliefs[0] + 0.2 * beliefs[1]
    np.testing.assert_allclose(found, [first / first.sum(), second / second.sum(), [0.5, 0.5]])


def test_many_rounds_reach_the_closed_form() -> None:
    """F = (1 - a) (I - a S)^-1 P with a = 1 - keep (Zhou et al. 2003, section 2), up to the rows' sums."""
    random = np.random.default_rng(3)
    weights = random.random((6, 6)) * (random.random((6, 6)) < 0.5)
    beliefs = random.dirichlet(np.ones(3), size=6)
    matrix = sparse.csr_array(weights)
    closed = 0.2 * np.linalg.solve(np.eye(6) - 0.8 * normalised(matrix).toarray(), beliefs)
    found = propagate(matrix, beliefs, keep=0.2, rounds=400)
    np.testing.assert_allclose(found, closed / closed.sum(axis=1, keepdims=True), atol=1e-9)


def test_what_is_certain_stays_and_convinces_its_neighbours() -> None:
    beliefs = np.array([[1.0, 0.0], [0.3, 0.7], [0.4, 0.6]])
    chain = graph({(0, 1): 1.0, (1, 2): 1.0}, 3)
    found = propagate(chain, beliefs, clamped=np.array([True, False, False]))
    np.testing.assert_array_equal(found[0], beliefs[0])
    assert (found[1:, 0] > beliefs[1:, 0]).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 12), st.integers(2, 4), st.integers(0, 10_000))
def test_balanced_beliefs_have_the_shares_of_the_prior(nodes: int, classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    beliefs, prior = random.dirichlet(np.ones(classes), size=nodes) + 0.01, random.dirichlet(5 * np.ones(classes))
    beliefs /= beliefs.sum(axis=1, keepdims=True)
    found = balance(beliefs, prior)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found.mean(axis=0), prior, atol=2e-3)


def test_a_prior_leaves_no_class_impossible() -> None:
    found = prior_of(np.array([0, 0, 2]), 3)
    assert found.tolist() == pytest.approx([3 / 6, 1 / 6, 2 / 6])

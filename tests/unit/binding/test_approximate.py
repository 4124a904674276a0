from __future__ import annotations

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding.search import Candidates, approximate, nearest
from mmbind.binding.search.exact import exact_nearest
from mmbind.binding.search.recall import bound_recall, holdout_size, recall_of
from mmbind.config.binding import Search
from tests.unit.binding.rig import unit


def clustered(count: int, seed: int, spread: float = 0.6) -> np.ndarray:
    centres = np.random.default_rng(99).normal(size=(60, 16))
    rng = np.random.default_rng(seed)
    return unit(centres[rng.integers(0, 60, count)] + spread * rng.normal(size=(count, 16)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets 3,000 vectors be searched approximately."""
    monkeypatch.setattr(approximate, "LEAST", 1000)
    monkeypatch.setattr(approximate, "TUNING", 200)
    monkeypatch.setattr(approximate, "CELL", 100)


@pytest.mark.usefixtures("small")
def test_what_is_said_of_the_recall_is_true() -> None:
    queries, lenders = clustered(3000, 1), clustered(4000, 2)
    found = nearest(queries, lenders, 5, Search(recall=0.9))
    assert found.method["method"] == "IVF63,PQ8x4fs, scored in float64"
    proof = found.method["proof"]
    assert proof["recall"] >= 0.9
    assert (proof["k"], proof["confidence"], proof["holdout"]) == (5, 0.95, 100)
    truth = exact_nearest(queries, lenders, 5)
    assert recall_of(truth, found) >= 0.9
    same = found.positions == truth.positions
    assert (found.similarities[same] == truth.similarities[same]).all()
    assert (np.diff(found.similarities, axis=1) <= 0).all()


@pytest.mark.usefixtures("small")
def test_bytes_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, lenders = clustered(2500, 1), clustered(2500, 2)
    threads = faiss.omp_get_max_threads()
    answers = []
    try:
        for count in (1, 3):
            faiss.omp_set_num_threads(count)
            monkeypatch.setattr("os.sched_getaffinity", lambda _, count=count: set(range(count)))
            answers.append(nearest(queries, lenders, 3, Search(recall=0.9)))
    finally:
        faiss.omp_set_num_threads(threads)
    assert "proof" in answers[0].method
    assert answers[0].method == answers[1].method
    assert answers[0].positions.tobytes() == answers[1].positions.tobytes()
    assert answers[0].similarities.tobytes() == answers[1].similarities.tobytes()
    assert faiss.omp_get_max_threads() == threads


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("settings", "because"),
    [
        (Search(method="exact"), "asked for"),
        (Search(max_memory_gb=1e-6), "more than max_memory_gb"),
        (Search(recall=0.999999), "no approximate search was proven to find 0.999999"),
    ],
)
def test_without_a_proof_the_search_is_exact_and_says_why(settings: Search, because: str) -> None:
    # noise without clusters: cells do not help
    queries, lenders = (unit(np.random.default_rng(seed).normal(size=(1500, 16))) for seed in (1, 2))
    found = nearest(queries, lenders, 4, settings)
    assert found.method["method"] == "exact"
    assert because in found.method["because"]
    assert found.positions.tobytes() == exact_nearest(queries, lenders, 4).positions.tobytes()


def test_small_searches_are_exact() -> None:
    found = nearest(clustered(500, 1), clustered(500, 2), 2)
    assert found.method == {"method": "exact", "because": "fewer than 20000 queries or lenders"}


def answers(positions: np.ndarray) -> Candidates:
    return Candidates(-positions.astype(float), positions)


@given(recall=st.sampled_from([0.8, 0.95, 0.99]), k=st.integers(1, 20), seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_the_bound_is_seldom_too_high(recall: float, k: int, seed: int) -> None:
    # neighbours are lost at random; over many such searches at most 5 % of the bounds may lie above the truth
    rng = np.random.default_rng(seed)
    exact = np.tile(np.arange(k), (300, 1))
    too_high = 0
    for _ in range(20):
        found = np.where(rng.random(exact.shape) < recall, exact, exact + 1000)
        bound = bound_recall(answers(exact), answers(found), confidence=0.95, attempts=1, generator=rng)
        too_high += bound.recall > recall
    assert too_high <= 6  # chance of more: 1 in 3,000


def test_four_misses_of_a_thousand_prove_99_percent_once() -> None:
    exact = np.arange(1000)[:, None]
    for misses, attempts, proven in ((4, 1, True), (5, 1, False), (3, 3, True), (4, 3, False)):
        found = np.where(exact < misses, exact + 5000, exact)
        rng = np.random.default_rng(0)
        bound = bound_recall(answers(exact), answers(found), confidence=0.95, attempts=attempts, generator=rng)
        assert bound.misses == misses
        assert (bound.recall >= 0.99) == proven
    assert holdout_size(0.99) == 1000


def test_a_twin_is_as_good_as_the_neighbour() -> None:
    exact = Candidates(np.array([[0.9]]), np.array([[3]]))
    twin = Candidates(np.array([[0.9]]), np.array([[4]]))
    rng = np.random.default_rng(0)
    assert bound_recall(exact, twin, confidence=0.95, attempts=1, generator=rng).misses == 0
    assert recall_of(exact, twin) == 1.0
    assert recall_of(exact, Candidates(np.array([[0.8]]), np.array([[4]]))) == 0.0

from __future__ import annotations

import faiss
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding.search import nearest
from mmbind.binding.search.exact import MARGIN, exact_nearest
from mmbind.config.binding import Search
from mmbind.errors import InputError
from tests.unit.binding.rig import random_vectors, unit


def brute_force(queries: np.ndarray, lenders: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    q, x = (v.astype(np.float64) / np.linalg.norm(v.astype(np.float64), axis=1)[:, None] for v in (queries, lenders))
    # equal vectors must tie exactly, so sums are made pair by pair
    scores = np.clip(np.array([[(a * b).sum() for b in x] for a in q]), -1, 1)
    order = np.lexsort((np.broadcast_to(np.arange(len(x)), scores.shape), -scores), axis=-1)[:, :k]
    return np.take_along_axis(scores, order, axis=1), order


@given(
    m=st.integers(1, 12),
    n=st.integers(1, 60),
    d=st.integers(1, 9),
    k=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    distinct=st.integers(1, 60),
)
@settings(deadline=None, max_examples=60)
def test_equals_brute_force_also_among_duplicates(m: int, n: int, d: int, k: int, seed: int, distinct: int) -> None:
    queries = random_vectors(m, d, seed)
    lenders = random_vectors(distinct, d, seed + 1)[np.random.default_rng(seed).integers(0, distinct, n)]
    found = nearest(queries, lenders, k)
    scores, order = brute_force(queries, lenders, k)
    assert found.positions.tolist() == order.tolist()
    np.testing.assert_allclose(found.similarities, scores, atol=1e-15)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=15)
def test_row_order_of_lenders_decides_ties_only(seed: int) -> None:
    queries, lenders = random_vectors(20, 6, seed), random_vectors(80, 6, seed + 1)
    order = np.random.default_rng(seed).permutation(80)
    straight, permuted = nearest(queries, lenders, 5), nearest(queries, lenders[order], 5)
    assert order[permuted.positions].tolist() == straight.positions.tolist()
    assert permuted.similarities.tobytes() == straight.similarities.tobytes()


def test_bytes_do_not_depend_on_threads_or_on_the_other_queries() -> None:
    queries, lenders = random_vectors(2500, 32, 0), random_vectors(700, 32, 1)
    threads = faiss.omp_get_max_threads()
    try:
        answers = []
        for count in (1, 2):
            faiss.omp_set_num_threads(count)
            answers.append(nearest(queries, lenders, 3))
    finally:
        faiss.omp_set_num_threads(threads)
    assert answers[0].similarities.tobytes() == answers[1].similarities.tobytes()
    assert answers[0].positions.tobytes() == answers[1].positions.tobytes()
    alone = nearest(queries[1234:1235], lenders, 3)
    assert alone.similarities.tobytes() == answers[0].similarities[1234:1235].tobytes()


def test_more_duplicates_than_the_margin_tie_by_position() -> None:
    lenders = np.concatenate([random_vectors(50, 8, 3), np.repeat(random_vectors(1, 8, 4), 5 * MARGIN, axis=0)])
    found = nearest(lenders[-1:], lenders, 3)
    assert found.positions.tolist() == [[50, 51, 52]]
    assert (found.similarities[0] == found.similarities[0, 0]).all()


def test_differences_below_float32_are_told_apart() -> None:
    base = random_vectors(1, 16, 5).astype(np.float64)
    nudges = np.random.default_rng(6).normal(size=(200, 16)) * 2e-5
    lenders = unit(base + nudges)
    found = nearest(unit(base), lenders, 4)
    assert found.positions.tolist() == brute_force(unit(base), lenders, 4)[1].tolist()


@pytest.mark.parametrize("k", [1, 5, 50])
def test_at_most_all_lenders(k: int) -> None:
    assert nearest(random_vectors(3), random_vectors(5, seed=1), k).positions.shape == (3, min(k, 5))


@given(seed=st.integers(0, 1000), k=st.integers(1, 9))
@settings(deadline=None, max_examples=15)
def test_another_device_gives_the_same_bytes(seed: int, k: int) -> None:
    queries = random_vectors(40, 12, seed)
    lenders = random_vectors(60, 12, seed + 1)[np.random.default_rng(seed).integers(0, 60, 90)]
    faiss_answer, torch_answer = exact_nearest(queries, lenders, k), exact_nearest(queries, lenders, k, "torch-cpu")
    assert faiss_answer.positions.tobytes() == torch_answer.positions.tobytes()
    assert faiss_answer.similarities.tobytes() == torch_answer.similarities.tobytes()


def test_lenders_may_span_several_blocks_of_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmbind.binding.search.products.BLOCK", 17)
    queries, lenders = random_vectors(30, 8, 1), random_vectors(100, 8, 2)
    one, other = exact_nearest(queries, lenders, 5), exact_nearest(queries, lenders, 5, "torch-cpu")
    assert one.positions.tobytes() == other.positions.tobytes()


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_a_pair_has_one_similarity_whoever_asks(seed: int) -> None:
    one, other = random_vectors(15, 37, seed), random_vectors(20, 37, seed + 1)
    forth, back = nearest(one, other, 20), nearest(other, one, 15)
    table = np.empty((15, 20))
    np.put_along_axis(table, forth.positions, forth.similarities, axis=1)
    for lender, (anchors, similarities) in enumerate(zip(back.positions, back.similarities, strict=True)):
        assert (table[anchors, lender] == similarities).all()


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="there is no GPU here"):
        nearest(random_vectors(3), random_vectors(5), 1, Search(device="cuda"))

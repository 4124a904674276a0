"""Metrics against slow, obvious references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.errors import InputError
from mmbind.evaluation.metrics import accuracy, confusion, macro_f1, majority_share, mean_and_deviation

pairs = st.integers(1, 6).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=40),
    )
)


def slow_f1(truth: list[int], predicted: list[int]) -> float:
    scores = []
    for one in sorted({*truth, *predicted}):
        hit = sum(t == one and p == one for t, p in zip(truth, predicted, strict=True))
        called, there = predicted.count(one), truth.count(one)
        precision, recall = hit / called if called else 0.0, hit / there if there else 0.0
        scores.append(2 * precision * recall / (precision + recall) if hit else 0.0)
    return sum(scores) / len(scores)


@given(pairs)
@settings(deadline=None, max_examples=60)
def test_metrics_agree_with_a_slow_reference(case: tuple[int, list[tuple[int, int]]]) -> None:
    classes, rows = case
    truth, predicted = [t for t, _ in rows], [p for _, p in rows]
    matrix = confusion(np.array(truth), np.array(predicted), classes)
    assert matrix.sum() == len(rows)
    assert all(matrix[i, j] == rows.count((i, j)) for i in range(classes) for j in range(classes))
    assert accuracy(matrix) == pytest.approx(sum(t == p for t, p in rows) / len(rows))
    assert macro_f1(matrix) == pytest.approx(slow_f1(truth, predicted))
    assert majority_share(matrix) == pytest.approx(max(truth.count(c) for c in range(classes)) / len(rows))


@given(pairs, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_metrics_do_not_depend_on_the_names_of_classes(case: tuple[int, list[tuple[int, int]]], random) -> None:
    classes, rows = case
    renamed = list(range(classes))
    random.shuffle(renamed)
    values = np.array(rows)
    first = confusion(values[:, 0], values[:, 1], classes)
    names = np.array(renamed)
    second = confusion(names[values[:, 0]], names[values[:, 1]], classes)
    assert accuracy(first) == accuracy(second)
    assert macro_f1(first) == pytest.approx(macro_f1(second))


def test_a_class_that_nobody_has_takes_no_part_in_macro_f1() -> None:
    truth, predicted = np.array([0, 0, 1]), np.array([0, 0, 1])
    assert macro_f1(confusion(truth, predicted, 9)) == 1.0
    assert macro_f1(confusion(truth, np.array([0, 0, 2]), 9)) == pytest.approx(1 / 3)


def test_refusals() -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        confusion(np.array([0, 1]), np.array([0]), 2)
    with pytest.raises(InputError, match="do not fit into 2 classes"):
        confusion(np.array([0, 2]), np.array([0, 1]), 2)
    with pytest.raises(InputError, match="no labelled window"):
        accuracy(np.zeros((2, 2), np.int64))


def test_one_value_has_no_deviation() -> None:
    assert mean_and_deviation([0.5]) == {"mean": 0.5}
    assert mean_and_deviation([0.4, 0.6]) == {"mean": 0.5, "deviation": 0.141421}

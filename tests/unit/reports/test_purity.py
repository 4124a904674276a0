"""Purity by hand, and its invariants."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.reports.purity import Purity, chance_of, mean_purity, purity_by_similarity, purity_of
from tests.unit.reports.bound import pairs_of

FEW = settings(deadline=None, max_examples=40)
LABELS = st.lists(st.sampled_from(["walk", "sit", "run"]), min_size=1, max_size=7)


def judged(similarity: np.ndarray, a: list[str | None], b: list[str | None]) -> tuple[pl.DataFrame, Purity | None]:
    """Pairs of a similarity matrix with their labels, and their purity."""
    a_ids, b_ids = [f"a{i}" for i in range(len(a))], [f"b{i}" for i in range(len(b))]
    labels = dict(zip([*a_ids, *b_ids], [*a, *b], strict=True))
    pairs = pairs_of(similarity, a_ids, b_ids).with_columns(
        direction="borrowed_modality",
        anchor_label=pl.col("anchor").replace_strict(labels, return_dtype=pl.String),
        partner_label=pl.col("partner").replace_strict(labels, return_dtype=pl.String),
    )
    lenders = {
        "mag": pl.DataFrame({"label": b}, schema={"label": pl.String}),
        "gyro": pl.DataFrame({"label": a}, schema={"label": pl.String}),
    }
    return pairs, purity_of(pairs, lenders)


def test_a_tiny_case_by_hand() -> None:
    # a0-b0 and a1-b1 are mutual; a2 takes b0; b2 takes a0
    similarity = np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.2], [0.7, 0.0, 0.1]])
    _, found = judged(similarity, ["walk", "sit", "run"], ["walk", "walk", "sit"])
    assert found is not None
    assert found.directions["mag"].purity == pytest.approx(1 / 3)
    assert found.directions["gyro"].purity == pytest.approx(1 / 3)
    assert found.mutual == 0.5
    assert found.chance == pytest.approx((1 * 2 + 1 * 1) / 9)
    assert found.labels == ["run", "sit", "walk"]
    assert found.confusion.tolist() == [[0, 0, 1], [0, 0, 2], [0, 1, 1 + 1]]
    rows = {row["label"]: row for row in found.classes.iter_rows(named=True)}
    assert rows["sit"] == {"label": "sit", "pairs": 2, "purity": 0.0, "mistaken": "walk", "mistakes": 2}
    assert rows["walk"]["purity"] == pytest.approx(2 / 3)


def test_without_labels_there_is_no_purity() -> None:
    pairs, found = judged(np.eye(2), [None, None], ["walk", None])
    assert found is None
    assert mean_purity(pairs) is None
    assert purity_by_similarity(pairs).height == 0


def test_pairs_without_a_label_do_not_count() -> None:
    pairs, found = judged(np.eye(3), ["walk", None, "sit"], ["walk", "sit", "walk"])
    assert found is not None
    assert found.labelled == 4
    assert found.mean == 0.5
    assert mean_purity(pairs) == 0.5


@FEW
@given(LABELS, LABELS, st.integers(0, 2**32 - 1))
def test_the_mean_is_over_directions_however_many_pairs_they_have(a: list[str], b: list[str], seed: int) -> None:
    pairs, found = judged(np.random.default_rng(seed).random((len(a), len(b))), a, b)
    assert found is not None
    assert mean_purity(pairs) == found.mean


def test_a_class_that_is_always_right_is_mistaken_for_none() -> None:
    _, found = judged(np.eye(1), ["walk"], ["walk"])
    assert found is not None
    assert found.classes["mistaken"].to_list() == [None]


@FEW
@given(LABELS)
def test_oracle_pairs_are_pure(labels: list[str]) -> None:
    _, found = judged(np.equal.outer(labels, labels).astype(float), labels, labels)
    assert found is not None
    assert found.mean == 1
    assert found.mutual == 1
    assert found.confusion.sum() == np.trace(found.confusion) == 2 * len(labels)


@FEW
@given(LABELS, LABELS)
def test_chance_is_the_share_of_all_possible_pairs(anchors: list[str], lenders: list[str]) -> None:
    every = [one == other for one, other in product(anchors, lenders)]
    assert chance_of(pl.Series(anchors), pl.Series(lenders)) == pytest.approx(sum(every) / len(every))


@FEW
@given(LABELS, LABELS, st.integers(0, 2**32 - 1))
def test_mutual_pairs_are_the_same_in_both_directions(a: list[str], b: list[str], seed: int) -> None:
    _, found = judged(np.random.default_rng(seed).random((len(a), len(b))), a, b)
    assert found is not None
    there, back = found.directions["mag"].mutual, found.directions["gyro"].mutual
    assert there is not None
    assert there == pytest.approx(back)


@FEW
@given(LABELS, st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_bins_hold_every_pair_once(labels: list[str], seed: int, bins: int) -> None:
    pairs, found = judged(np.random.default_rng(seed).random((len(labels),) * 2), labels, labels)
    table = purity_by_similarity(pairs, bins)
    assert found is not None
    assert table["pairs"].sum() == pairs.height
    assert table["similarity"].is_sorted()
    assert (table["pairs"] * table["purity"]).sum() == pytest.approx(np.trace(found.confusion))

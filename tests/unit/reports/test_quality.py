"""Label-free figures, by hand."""

import numpy as np
import polars as pl
import pytest

from mmbind.reports.quality import occurrence_table, quality_of, spread
from tests.unit.reports.bound import pairs_of

LENDERS = pl.DataFrame({"window": ["b0", "b1", "b2", "b3"], "source": ["s", "s", "t", "t"]})


def test_figures_of_a_tiny_binding() -> None:
    similarity = np.array([[0.9, 0.1, 0.0, 0.0], [0.8, 0.6, 0.0, 0.0], [0.7, 0.0, 0.2, 0.0]])
    pairs = pairs_of(similarity, ["a0", "a1", "a2"], ["b0", "b1", "b2", "b3"])
    found = quality_of(pairs.filter(pl.col("borrowed_modality") == "mag"), LENDERS)
    assert (found.pairs, found.anchors, found.lenders) == (3, 3, 4)
    assert found.similarity["mean"] == pytest.approx(0.8)
    assert found.similarity["median"] == pytest.approx(0.8)
    assert found.margin["mean"] == pytest.approx((0.8 + 0.2 + 0.5) / 3)
    assert found.mutual == pytest.approx(1 / 3)
    assert found.occurrence.tolist() == [3, 0, 0, 0]
    assert found.most_borrowed == 3
    assert found.covered == 0.25
    assert found.coverage == {"s": 0.5, "t": 0.0}
    assert found.skewness == pytest.approx(2 / 3**0.5)


def test_even_lending_is_not_skewed() -> None:
    pairs = pairs_of(np.eye(4), list("wxyz"), LENDERS["window"].to_list())
    found = quality_of(pairs.filter(pl.col("borrowed_modality") == "mag"), LENDERS)
    assert found.skewness == 0
    assert found.covered == 1
    assert found.mutual == 1


def test_only_the_nearest_partner_counts_for_mutual() -> None:
    pairs = pairs_of(np.eye(2), ["a0", "a1"], ["b0", "b1"]).filter(pl.col("borrowed_modality") == "mag")
    second = pairs.with_columns(rank=pl.lit(2, pl.Int32), mutual=pl.lit(value=False))
    assert quality_of(pl.concat([pairs, second]), LENDERS).mutual == 1


def test_no_margin_is_no_figure() -> None:
    assert spread(pl.Series([None, float("nan")], dtype=pl.Float64)) == {}
    assert spread(pl.Series([1.0, None]))["mean"] == 1


def test_no_pairs_are_no_figures() -> None:
    found = quality_of(pairs_of(np.eye(1), ["a"], ["b0"]).clear(), LENDERS)
    assert (found.pairs, found.mutual, found.covered, found.similarity) == (0, 0, 0, {})


def test_occurrences_are_counted_from_zero() -> None:
    times, windows = occurrence_table(np.array([0, 3, 0, 1]))
    assert times.tolist() == [0, 1, 2, 3]
    assert windows.tolist() == [2, 1, 0, 1]
    assert occurrence_table(np.empty(0, dtype=np.int64))[1].tolist() == [0]

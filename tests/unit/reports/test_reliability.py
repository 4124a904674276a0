"""Probabilities held against labels."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.files import read_json
from mmbind.reports import write_binding_report
from mmbind.reports.reliability import reliability_of
from tests.unit.reports.bound import bound_study, write_pairs


def pairs(probabilities: list[float], same: list[bool]) -> pl.DataFrame:
    labels = ["x" if hit else "y" for hit in same]
    return pl.DataFrame(
        {"direction": "A", "probability": probabilities, "anchor_label": "x", "partner_label": labels}
    ).with_columns(pl.col("direction").cast(pl.String))


def test_the_error_by_hand() -> None:
    """Bin .2: said .25, right 1 of 2. Bin .9: said 1, right 2 of 2. Mean gap: .25 * 2/4 + 0 * 2/4."""
    found = reliability_of(pairs([0.25, 0.25, 1.0, 1.0], [True, False, True, True]))
    assert found is not None
    assert found.error == pytest.approx(0.125)
    assert found.bins["right"].to_list() == [0.5, 1.0]
    assert found.bins["pairs"].to_list() == [2, 2]


def test_true_probabilities_have_no_error() -> None:
    random = np.random.default_rng(0)
    said = random.random(40_000)
    found = reliability_of(pairs(said.tolist(), (random.random(40_000) < said).tolist()))
    assert found is not None
    assert found.error < 0.02


def test_without_probabilities_or_labels_there_is_none() -> None:
    assert reliability_of(pairs([0.5], [True]).drop("probability")) is None
    assert reliability_of(pairs([0.5], [True]).with_columns(anchor_label=pl.lit(None, pl.String))) is None


def test_the_page_shows_the_diagram(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    table = pl.read_parquet(study.bindings / "pairs.parquet")
    write_pairs(study, table.with_columns(probability=pl.col("weight")))
    write_binding_report(study)
    assert "Expected calibration error" in study.report("binding").read_text()
    assert 0 <= read_json(study.metrics("binding"))["calibration_error"] <= 1

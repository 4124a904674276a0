"""The table of switches between sources, on a small study."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.gap import __main__ as benchmark
from benchmarks.gap.table import ROWS, Purity, Row, measure, shown
from mmbind.errors import InputError
from mmbind.study import Study
from tests.support import tiny_params, write_store, write_study


def motions(seed: int) -> np.ndarray:
    """40 windows of four kinds of motion, m/s2, (40, 32, 3)."""
    random = np.random.default_rng(seed)
    speed = (1 + np.arange(40) % 4)[:, None, None]
    waves = 3 * np.sin(2 * np.pi * speed * np.linspace(0, 1, 32)[None, :, None] + np.array([0.0, 1.0, 2.0]))
    return (waves + np.array([0, 0, 9.8]) + random.normal(0, 0.5, (40, 32, 3))).astype(np.float32)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Windows of two roles, not yet assigned: all people of a source play one role."""
    params = tiny_params()
    roles = {
        name: {"sources": [f"s{name.lower()}"], "modalities": ["acc", own]}
        for name, own in (("A", "gyro"), ("B", "mag"))
    }
    roles["target"] = {**params["roles"]["target"], "sources": ["st"], "subjects": ["t1"], "labels": {"count": 4}}
    roles["test"] = {**params["roles"]["test"], "sources": ["st"], "subjects": ["t2"]}
    sources = dict.fromkeys(("sa", "sb", "st"), params["sources"]["s"])
    study = write_study(tmp_path / "study", roles=roles, sources=sources)
    for seed, name in enumerate(sources):
        signals = {modality: motions(seed) for modality in ("acc", "gyro", "mag")}
        people = [f"t{1 + number % 2}" if name == "st" else f"p{name}" for number in range(40)]
        labels = [f"kind {number % 4}" for number in range(40)]
        write_store(study.windows(name), signals, subjects=people, labels=labels, prefix=name, source=name)
    return study


def test_purity_by_hand() -> None:
    """A borrows mag: 1 of 2 first partners, 2 of 3 in all; B gyro: 1 of 1. The pair without a label is left out."""
    pairs = pl.DataFrame(
        {
            "anchor": ["a1", "a1", "a2", "b1", "a3"],
            "partner": ["b1", "b2", "b1", "a1", "b3"],
            "borrowed_modality": ["mag", "mag", "mag", "gyro", "mag"],
            "rank": [1, 2, 1, 1, 1],
            "mutual": [True, False, False, True, True],
        }
    )
    labels = pl.DataFrame(
        {"window": ["a1", "a2", "a3", "b1", "b2", "b3"], "label": ["walk", "sit", "sit", "walk", "walk", None]}
    )
    found = Purity.of(pairs, labels)
    assert found.every == pytest.approx((2 / 3 + 1) / 2)
    assert found.first == pytest.approx((1 / 2 + 1) / 2)
    assert found.mutual == 1.0
    assert found.often == pytest.approx(2 / 3)


def test_every_rule_of_a_row_is_judged(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmbind.roles.assign.check_leakage", lambda *_, **__: None)
    rows = [Row("raw", rules=("nearest", "CSLS")), Row("vertical", "standardise", "magnitude", 0.5)]
    results = [(row, measure(study, row, tmp_path / "searches")) for row in rows]
    assert list(results[0][1]) == ["nearest", "CSLS"]
    assert all(found.every > 0.5 for row, each in results for found in each.values() if row.align == "none")
    again = [(row, measure(study, row, tmp_path / "searches")) for row in rows]
    assert again == results
    text = shown(study, results)
    assert "| `raw` | none | none | nearest / CSLS |" in text
    assert "| `vertical` | standardise | `magnitude`, half | CSLS |" in text


def test_the_study_stands_in_the_table() -> None:
    falls = Study.load(benchmark.HOUSE / "studies" / "falls")
    chosen = [row for row in ROWS if row.chosen(falls)]
    assert len(chosen) == 1
    assert "CSLS" in chosen[0].rules
    figures = {rule: Purity(0.7, 0.71, None, 0.0) for rule in chosen[0].rules}
    assert "| nearest / **CSLS** / 0.6 | .700 / **.700** / .700 |" in shown(falls, [(chosen[0], figures)])


def test_archives_that_are_missing_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["gap", "--from", str(tmp_path), "--work", str(tmp_path / "work")]
    monkeypatch.setattr(sys, "argv", given)
    with pytest.raises(InputError, match=r"The archive 'mobifall.tar.xz' of the source 'mobifall' is not in"):
        benchmark.main()
    assert (tmp_path / "work" / "params.yaml").is_file()

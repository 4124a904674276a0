"""The gate behind ``bind``, as a user meets it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmbind.binding import bind
from mmbind.errors import GateError
from mmbind.files import read_json, write_json
from mmbind.study import Study
from tests.support import ROOT
from tests.unit.binding.rig import random_vectors, two_roles, unit


def warned(study: Study) -> list[str]:
    """The rules that warn, once each."""
    judgement = bind(study).judgement
    assert judgement is not None
    return [verdict.rule for verdict in judgement.warnings]


def test_sound_pairs_pass_without_a_warning(tmp_path: Path) -> None:
    study = two_roles(tmp_path, random_vectors(60), random_vectors(60, seed=1))
    assert warned(study) == []
    written = read_json(study.bindings / "judgement.json")
    assert written["passed"]
    assert written["figures"]["bound_share"] == 1
    assert set(written["figures"]["modalities"]) == {"A borrows mag", "B borrows gyro"}


def test_a_hub_is_told_by_its_loan(tmp_path: Path) -> None:
    centre = unit(np.ones((1, 8)))
    around = unit(np.ones((120, 8)) + 0.2 * random_vectors(120))
    far = unit(-np.ones((30, 8)) + 0.2 * random_vectors(30, seed=1))
    study = two_roles(tmp_path, around, np.concatenate([centre, far]))
    lines = "\n".join(bind(study).lines())
    assert "the rule 'pairs_hub' is broken: hub_share of A borrows mag is 1.0, allowed is at most 0.05" in lines
    assert "the rule 'pairs_coverage' is broken: coverage of A borrows mag is" in lines


def test_copies_on_both_sides_are_told(tmp_path: Path) -> None:
    vectors = random_vectors(20)
    assert "pairs_identical" in warned(two_roles(tmp_path, vectors, vectors))


def test_a_binding_of_a_handful_stops_and_is_left_to_be_looked_at(tmp_path: Path) -> None:
    lenders = unit(np.concatenate([np.eye(8)[:1], np.ones((40, 8)) + 1e-3 * random_vectors(40)]))
    anchors = unit(np.concatenate([np.eye(8)[:1], np.ones((99, 8)) + 1e-3 * random_vectors(99, seed=2)]))
    study = two_roles(tmp_path, anchors, lenders, select={"kind": "ratio", "ratio": 0.05})
    with pytest.raises(GateError, match=r"pairs: the rule 'pairs_bound_stop' .* bound_share is 0\.0"):
        bind(study)
    assert not read_json(study.bindings / "judgement.json")["passed"]
    assert (study.bindings / "pairs.parquet").is_file()


def test_a_house_may_judge_otherwise(tmp_path: Path) -> None:
    entries = read_json(ROOT / "expectations" / "pairs.json")["expectations"]
    kept = [entry for entry in entries if entry["meta"]["rule"] == "pairs_mutual"]
    kept[0]["kwargs"]["min_value"], kept[0]["meta"]["severity"] = 1.0, "critical"
    write_json(tmp_path / "house" / "expectations" / "pairs.json", {"name": "pairs", "expectations": kept})
    study = two_roles(tmp_path, random_vectors(9), random_vectors(9, seed=1))
    with pytest.raises(GateError, match=r"'pairs_mutual' .* mutual of [AB] borrows \w+ is 0\.\d+, allowed is at least"):
        bind(in_house(study, tmp_path / "house"))
    shutil.rmtree(study.bindings)
    assert bind(in_house(study, tmp_path)).judgement is None
    assert not (study.bindings / "judgement.json").exists()


def in_house(study: Study, house: Path) -> Study:
    """The same study with the suites of another house."""
    return replace(study, params=study.params.model_copy(update={"house": str(house)}))

"""Purity by route: of direct pairs in unlike spaces, and of bridges beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.binding import bind
from mmbind.reports import write_binding_report
from mmbind.study import Study
from tests.unit.binding.spaces import CHAIN, fill, study_of

TRIANGLE = {"A": ["acc", "gyro"], "B": ["acc", "mag"], "C": ["gyro", "mag"]}


def bound(root: Path, has: dict[str, list[str]], also: list[str]) -> tuple[Study, dict[str, int]]:
    """A bound study whose roles have 24 windows of six classes each, and the class of every window."""
    study = study_of(root, has, shared={"also": also}, partners=2, weight={"kind": "calibrated"})
    random = np.random.default_rng(0)
    known = fill(study, has, {role: random.permutation(np.arange(24) % 6) for role in has}, noise=0.5)
    bind(study)
    return study, {window: each for windows in known.values() for window, each in windows.items()}


def test_every_route_is_told_with_its_purity(tmp_path: Path) -> None:
    study, known = bound(tmp_path, CHAIN, ["gyro"])
    summary = write_binding_report(study)
    told = json.loads(study.metrics("binding").read_text())["routes"]
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    bridged = pairs.filter(pl.col("bridge").is_not_null())
    right = [known[a] == known[p] for a, p in bridged.select("anchor", "partner").iter_rows()]
    first = [known[a] == known[b[0]] for a, b in bridged.select("anchor", "bridge").iter_rows()]
    assert set(told["paths"]) == {
        "A borrows gyro over A > B by acc",
        "A borrows mag over A > B > C by acc > gyro",
        "B borrows mag over B > C by gyro",
        "C borrows acc over C > B by gyro",
    }
    path = told["paths"]["A borrows mag over A > B > C by acc > gyro"]
    assert path["purity"] == told["purity_bridged"] == pytest.approx(np.mean(right), abs=1e-6)
    assert path["hop_1"] == pytest.approx(np.mean(first), abs=1e-6)
    assert path["chance"] == pytest.approx(1 / 6, abs=1e-6)
    assert told["bridged"] == pytest.approx(bridged.height / pairs.height, abs=1e-6)
    assert any("A > B > C by acc > gyro: 48 pairs, purity" in line for line in summary.lines())
    page = study.report("binding").read_text(encoding="utf-8")
    assert "<h3>Routes</h3>" in page
    assert "A &gt; B &gt; C" in page
    assert "On the way" in page


def test_routes_without_bridges(tmp_path: Path) -> None:
    study, _ = bound(tmp_path, TRIANGLE, ["gyro", "mag"])
    write_binding_report(study)
    told = json.loads(study.metrics("binding").read_text())["routes"]
    assert told["bridged"] == 0
    assert "purity_bridged" not in told
    assert {"A borrows mag over A > B by acc", "A borrows mag over A > C by gyro"} <= set(told["paths"])
    page = study.report("binding").read_text(encoding="utf-8")
    assert "<h3>Routes</h3>" in page
    assert "On the way" not in page

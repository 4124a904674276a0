"""Roles that do not all share one modality, from raw logs to the report: four of the demo fleets, three of UTD-MHAD."""

import html
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
import yaml

from mmbind.binding import bind
from mmbind.dataset import load_binding
from mmbind.dataset.table import SampleTable
from mmbind.evaluation import evaluate
from mmbind.files import digest_folder, read_json, write_parquet
from mmbind.reports import write_binding_report
from mmbind.reports.evaluation_page import title
from mmbind.simulation import write_demo_fleets
from mmbind.sources import fetch_archives
from mmbind.study import Study
from mmbind.training import TrainSummary, train
from mmbind.training.samples import pseudo_paired
from mmbind.versions import trace_pair
from mmbind.windows.store import WindowStore
from tests.e2e.support import SHRUNK, walk_to_bind
from tests.support import ROOT, raw_archives

pytestmark = pytest.mark.slow


def study_of(root: Path, params: Path, **sections: Any) -> Study:
    """A study of the repository with some sections replaced."""
    values = {**yaml.safe_load(params.read_text()), "house": str(ROOT), **sections}
    for section in ("rotations", "protocol"):
        values.pop(section, None)
    root.mkdir(exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return Study.load(root)


def walk(study: Study, sources: list[str]) -> dict[str, Any]:
    """From raw logs to the report; returns its metrics of routes."""
    walk_to_bind(study, sources)
    told: dict[str, Any] = write_binding_report(study).metrics["routes"]
    return told


def routes_in(study: Study) -> dict[str, list[str]]:
    """By loan, the routes that the manifest names."""
    loans = read_json(study.bindings / "manifest.json")["counts"]["loans"]
    return {name: [f"{route['path']} by {route['by']}" for route in loan["routes"]] for name, loan in loans.items()}


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A - B - C - D: neighbours share one modality, all others nothing; each pair of neighbours crosses fleets."""
    shows = {"A": ["acc"], "B": ["acc", "gyro"], "C": ["gyro", "mag"], "D": ["mag"]}
    people = {"A": ["a01", "a02"], "B": ["b01", "b02"], "C": ["a03", "a04"], "D": ["b03", "b04"]}
    every = ["acc", "gyro", "mag"]
    roles: dict[str, Any] = {
        role: {"sources": [f"fleet_{people[role][0][0]}"], "subjects": people[role], "modalities": shows[role]}
        for role in shows
    }
    roles["target"] = {"sources": ["fleet_c"], "subjects": ["c01"], "modalities": every,
                       "labels": {"count": 8, "draw": "balanced"}}  # fmt: skip
    roles["test"] = {"sources": ["fleet_c"], "subjects": ["c02"], "modalities": every}
    shared = {"modality": "acc", "also": ["gyro", "mag"], "encoder": "statistics"}
    methods = ["lower", "mim", "dcm", "mmbind_paper", "mmbind", "upper", "oracle"]
    study = study_of(
        tmp_path_factory.mktemp("four"),
        ROOT / "params.yaml",
        roles=roles,
        shared=shared,
        training=SHRUNK["training"],
        evaluation={**SHRUNK["evaluation"], "methods": methods},
    )
    counts = {"fleet_a": 4, "fleet_b": 4, "fleet_c": 2}
    write_demo_fleets(study.raw(""), people=counts, minutes=dict.fromkeys(counts, 5.0))
    return study


@pytest.fixture(scope="module")
def told(four: Study) -> dict[str, Any]:
    return walk(four, ["fleet_a", "fleet_b", "fleet_c"])


def test_routes_are_named_and_far_above_chance(four: Study, told: dict[str, Any]) -> None:
    assert routes_in(four) == {
        "A borrows gyro": ["A > B by acc"],
        "A borrows mag": ["A > B > C by acc > gyro"],
        "B borrows mag": ["B > C by gyro"],
        "C borrows acc": ["C > B by gyro"],
        "D borrows acc": ["D > C > B by mag > gyro"],
        "D borrows gyro": ["D > C by mag"],
    }
    assert len(told["paths"]) == 6
    for name, path in told["paths"].items():
        assert path["purity"] > 3 * path["chance"], name
    assert told["purity_direct"] > 0.6
    assert told["purity_bridged"] > 0.5


def test_a_chain_is_about_as_good_as_independent_errors_let_it_be(told: dict[str, Any]) -> None:
    bridged = [path for path in told["paths"].values() if "hop_2" in path]
    assert len(bridged) == 2
    for path in bridged:
        assert path["purity"] > path["hop_1"] * path["hop_2"] - 0.1


def test_bridged_pairs_lend_and_are_walked_back_to_raw_lines(four: Study, told: dict[str, Any]) -> None:
    pairs = pl.read_parquet(four.bindings / "pairs.parquet")
    pair = pairs.filter(pl.col("bridge").is_not_null()).row(0, named=True)
    lineage = trace_pair(four, f"{pair['anchor']}:{pair['partner']}")
    assert [lineage.anchor.role, *(each.role for each in lineage.bridge), lineage.partner.role] in (
        ["A", "B", "C"],
        ["D", "C", "B"],
    )
    assert all(span.first_line for each in lineage.bridge for span in each.spans)
    samples = load_binding(four.root)
    assert set(samples.gatherers) == {"acc", "gyro", "mag"}
    assert any(all(sample["present"].values()) for sample in samples.__getitems__(range(0, len(samples), 50)))


def test_the_same_bytes_again(four: Study, told: dict[str, Any]) -> None:
    before = digest_folder(four.bindings)
    bind(four)
    assert digest_folder(four.bindings) == before


def test_the_report_names_the_chains(four: Study, told: dict[str, Any]) -> None:
    page = html.unescape(four.report("binding").read_text())
    for path, by in (("A > B > C", "acc > gyro"), ("D > C > B", "mag > gyro")):
        assert path in page
        assert by in page
    assert "of the pairs are bridges" in page


@pytest.fixture(scope="module")
def trained(four: Study, told: dict[str, Any]) -> TrainSummary:
    return train(four)


def test_the_recipe_trains_on_bridged_pairs(four: Study, trained: TrainSummary) -> None:
    """All pairs count, the model hears every modality, and without the bridges it is another one."""
    pairs = pl.read_parquet(four.bindings / "pairs.parquet")
    assert trained.metrics["pseudo_pairs"] == pairs.height
    assert trained.modalities == ["acc", "gyro", "mag"]
    whole = read_json(four.model("multimodal") / "card.json")
    kept = {path: path.read_bytes() for path in (four.bindings / "pairs.parquet", four.metrics("train"))}
    model = four.model("multimodal").rename(four.root / "whole")
    write_parquet(four.bindings / "pairs.parquet", pairs.filter(pl.col("bridge").is_null()))
    try:
        direct = train(four)
        card = read_json(four.model("multimodal") / "card.json")
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
        shutil.rmtree(four.model("multimodal"))
        model.rename(four.model("multimodal"))
    assert direct.metrics["pseudo_pairs"] < pairs.height
    assert card["weights"] != whole["weights"]


def test_samples_of_an_end_of_the_chain_borrow_from_the_other(four: Study, told: dict[str, Any]) -> None:
    """A has acc; what it borrows of B directly and of C over B stands in one sample."""
    stores = [WindowStore.open(four.role(role), stage="assign") for role in "ABCD"]
    pairs = pl.read_parquet(four.bindings / "pairs.parquet")
    samples = pseudo_paired(stores, SampleTable.of(stores, pairs))
    ends = torch.tensor([window in set(stores[0].ids) for window in samples.windows])
    assert ends.any()
    for name in ("acc", "gyro", "mag"):
        assert (samples.rows[name][ends] >= 0).float().mean() > 0.95


def test_the_methods_are_compared(four: Study, trained: TrainSummary) -> None:
    summary = evaluate(four)
    compared = {"lower", "mim", "mmbind", "upper", "oracle"}
    assert compared <= set(summary.methods)
    for name in compared:
        assert 0 <= summary.methods[name]["accuracy"]["mean"] <= 1
    assert summary.test_windows > 50
    left_out = {line.split(":")[0]: line for line in summary.lines() if "left out" in line}
    assert set(left_out) == {"dcm", "mmbind_paper"} == set(summary.unavailable)
    page = html.unescape(four.report("evaluation").read_text())
    assert all(title(name) in page for name in compared)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("three")
    study = three(root, {"A": ["acc"], "B": ["acc", "gyro"], "C": ["gyro", "skeleton"]}, ["gyro"])
    fetch_archives(study, raw_archives())
    return root


def three(root: Path, shows: dict[str, list[str]], also: list[str]) -> Study:
    """UTD-MHAD in three: about 215 trials of 27 actions each, other people in every role; chance is .037."""
    people = {"A": ["1", "2"], "B": ["3", "4"], "C": ["5", "6"], "target": ["7"], "test": ["8"]}
    every = ["acc", "gyro", "skeleton"]
    roles: dict[str, Any] = {
        role: {"sources": ["utd_mhad"], "subjects": people[role], "modalities": shows.get(role, every)}
        for role in people
    }
    roles["target"]["labels"] = {"count": 27, "draw": "balanced"}
    shared = {"modality": "acc", "also": also, "encoder": "statistics"}
    return study_of(root, ROOT / "studies" / "utd_mhad" / "params.yaml", roles=roles, shared=shared)


@pytest.mark.real
def test_a_chain_of_three(root: Path) -> None:
    study = three(root, {"A": ["acc"], "B": ["acc", "gyro"], "C": ["gyro", "skeleton"]}, ["gyro"])
    told = walk(study, ["utd_mhad"])
    assert routes_in(study)["A borrows skeleton"] == ["A > B > C by acc > gyro"]
    assert told["purity_bridged"] > 0.6
    assert told["purity_direct"] > 0.6


@pytest.mark.real
def test_a_triangle_in_which_every_two_share_something_else(root: Path) -> None:
    shows = {"A": ["acc", "skeleton"], "B": ["acc", "gyro"], "C": ["gyro", "skeleton"]}
    study = three(root, shows, ["gyro", "skeleton"])
    told = walk(study, ["utd_mhad"])
    assert routes_in(study)["A borrows gyro"] == ["A > B by acc", "A > C by skeleton"]
    assert told["bridged"] == 0
    assert told["purity_direct"] > 0.6


@pytest.mark.real
def test_two_shared_modalities_tell_more_than_one(root: Path) -> None:
    shows = {"A": ["acc", "gyro"], "B": ["acc", "gyro", "skeleton"], "C": ["gyro", "skeleton"]}
    told = walk(three(root, shows, ["gyro"]), ["utd_mhad"])["paths"]
    both = told["A borrows skeleton over A > B by acc+gyro"]["purity"]
    assert both > told["A borrows skeleton over A > C by gyro"]["purity"]
    assert both > 0.6

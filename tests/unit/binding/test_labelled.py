"""Weights by the target's labelled windows: what they say, what is read for it, and when they are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding import bind
from mmbind.binding.calibration import by_labels
from mmbind.binding.find import find_pairs
from mmbind.config import WeightMap
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.encoders.shared import gather_finite
from mmbind.errors import InputError
from mmbind.files import digest_folder, read_json, write_json
from mmbind.reports import write_binding_report
from mmbind.study import Study
from tests.support import tiny_params, write_store, write_study

LABELLED = {"kind": "calibrated", "by": "labelled"}
STEPS = 32
KINDS = 4


def motions(kinds: np.ndarray, seed: int) -> np.ndarray:
    """Noisy windows around one waveform per kind, m/s2, (n, STEPS, 3)."""
    random = np.random.default_rng(seed)
    time = np.linspace(0, 1, STEPS)[None, :, None]
    phase = np.array([0.0, 1.0, 2.0]) + random.normal(0, 0.3, (len(kinds), 1, 1))
    waves = 3 * np.sin(2 * np.pi * (1 + kinds)[:, None, None] * time + phase)
    return (waves + np.array([0, 0, 9.8]) + random.normal(0, 1.5, waves.shape)).astype(np.float32)


def put_target(
    study: Study,
    count: int = 24,
    *,
    people: int = 2,
    modalities: tuple[str, ...] = ("acc", "gyro", "mag"),
    **facts: Any,
) -> None:
    """The target: windows of some people in turn, all labelled but every third."""
    kinds = np.arange(count) // people % KINDS
    labels = [None if number % 3 == 2 else f"kind {kind}" for number, kind in enumerate(kinds)]
    owners = [f"t{number % people}" for number in range(count)]
    given_facts = {"subjects": owners, "labels": labels, "prefix": "target", **facts}
    write_store(study.role("target"), {name: motions(kinds, 9) for name in modalities}, **given_facts)


def prepared(
    root: Path,
    shows: dict[str, list[str]] | None = None,
    shared: dict[str, Any] | None = None,
    **binding: Any,
) -> Study:
    """Roles of four kinds of motion, embedded by their statistics, and a labelled target."""
    shows = shows or {"A": ["acc", "gyro"], "B": ["acc", "mag"]}
    params = tiny_params()
    fixed = {name: params["roles"][name] for name in ("target", "test")}
    roles = {name: {"sources": ["s"], "subjects": [f"q{name.lower()}"], "modalities": shows[name]} for name in shows}
    section = {**params["shared"], "encoder": "statistics", **(shared or {})}
    study = write_study(root, roles={**roles, **fixed}, shared=section, binding={"weight": LABELLED, **binding})
    for seed, (role, modalities) in enumerate(shows.items()):
        kinds = np.arange(40) % KINDS
        signals = {name: motions(kinds, seed) for name in modalities}
        write_store(study.role(role), signals, subjects=["p"] * 40, labels=[None] * 40, prefix=role)
    put_target(study)
    fit_shared_encoder(study)
    embed(study)
    return study


def test_the_map_by_hand() -> None:
    """Each window's best match among those of the other person: 0 and 2 find each other (.9, right), 1 finds 2
    (.4, wrong), 3 finds 0 (.3, wrong). Half are right, so each level is smoothed by one pair that is half right."""
    scores = np.array([[1.0, 0.99, 0.9, 0.3], [0.99, 1.0, 0.4, 0.2], [0.9, 0.4, 1.0, 0.99], [0.3, 0.2, 0.99, 1.0]])
    told = by_labels(scores, ["walk", "sit", "walk", "sit"], ["x", "x", "y", "y"])
    np.testing.assert_allclose(told.scores, [0.35, 0.9])
    np.testing.assert_allclose(told.probabilities, [(0 + 0.5) / 3, (2 + 0.5) / 3])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=20), st.integers(0, 1000))
def test_names_and_the_scores_within_a_person_change_nothing(windows: list[tuple[int, int]], seed: int) -> None:
    people, labels = ([str(value) for value in column] for column in zip(*windows, strict=True))
    if len(set(people)) < 2:
        people[0] = "another"
    random = np.random.default_rng(seed)
    scores = random.random((len(windows), len(windows)))
    scores = (scores + scores.T) / 2
    within = np.array(people)[:, None] == np.array(people)
    told = by_labels(scores, labels, people)
    again = by_labels(np.where(within, 99.0, scores), [f"class {each}" for each in labels], people)
    assert told.to_dict() == again.to_dict()


@pytest.mark.parametrize(
    "rerank",
    [{"kind": "none"}, {"kind": "dtw"}, {"kind": "dtw", "view": "magnitude", "embedding": 0.5}],
    ids=["embedding", "warped", "half"],
)
def test_scores_are_on_the_scale_of_the_pairs(tmp_path: Path, rerank: dict[str, Any]) -> None:
    """Asked for the roles' own windows, the scores are those of the candidates."""
    study = prepared(tmp_path, rerank=rerank)
    found = find_pairs(study, study.params.binding)
    proposals, parties = found.proposals[""], found.spaces[""]
    graph = proposals.between("A", ("B",), "mag")
    pools = proposals.pool(("A",)), proposals.pool(("B",), "mag")
    vectors = np.concatenate([pool.vectors for pool in pools])
    signals = [np.concatenate([gather_finite(parties[role].store, "acc", parties[role].embedded) for role in "AB"])]
    scores = proposals.scores_among("A", ("B",), "mag", vectors, signals)
    np.testing.assert_allclose(scores[graph.anchors, 40 + graph.lenders], graph.scores, atol=1e-12)


def test_weights_are_what_the_labelled_windows_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = prepared(tmp_path)
    asked: list[str] = []
    for method in ("truth", "role"):
        original: Callable[[Study, str], Path] = getattr(Study, method)
        monkeypatch.setattr(
            Study, method, lambda self, name, m=method, o=original: asked.append(f"{m} {name}") or o(self, name)
        )
    manifest = bind(study).manifest
    assert set(asked) == {"role A", "role B", "role target"}
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    for loan in ("A borrows mag", "B borrows gyro"):
        points = manifest["calibration"][loan]
        here = pairs.filter(borrowed_modality=loan.split()[-1])
        told = np.interp(here["score"].to_numpy(), points["scores"], points["probabilities"])
        np.testing.assert_array_equal(here["probability"].to_numpy(), told)
    assert (pairs["weight"] <= pairs["probability"]).all()
    assert len(manifest["inputs"]["target"]["labelled"]) == 64
    assert manifest["params"]["weight"]["by"] == "labelled"
    before = digest_folder(study.bindings)
    bind(study)
    assert digest_folder(study.bindings) == before


def test_the_report_holds_the_probabilities_against_the_truth(tmp_path: Path) -> None:
    study = prepared(tmp_path)
    bind(study)
    for role in "AB":
        labels = [f"kind {number % KINDS}" for number in range(40)]
        write_store(study.truth(role), {}, subjects=["p"] * 40, labels=labels, prefix=role)
    metrics = write_binding_report(study).metrics
    assert 0 <= metrics["calibration_error"] <= 1
    page = study.report("binding").read_text()
    assert "The target's labelled windows told what a score is worth" in page or "target&#39;s labelled windows" in page
    assert "Share of right pairs by their probability" in page


def test_other_labels_are_another_version(tmp_path: Path) -> None:
    study = prepared(tmp_path)
    first = bind(study).manifest
    put_target(study, labels=[f"kind {number // 2 % KINDS}" for number in range(24)])
    second = bind(study).manifest
    assert second["id"] != first["id"]
    assert second["calibration"] != first["calibration"]


def test_cycles_are_the_default_and_go_unsaid() -> None:
    """So that bindings made before there was a choice keep their ids."""
    assert "by" not in WeightMap().model_dump()
    assert WeightMap.model_validate(LABELLED).model_dump()["by"] == "labelled"


def test_every_pair_of_a_bridge_is_judged_in_its_own_space(tmp_path: Path) -> None:
    shows = {"A": ["acc"], "B": ["acc", "gyro"], "C": ["gyro", "mag"]}
    study = prepared(tmp_path, shows, {"also": ["gyro"]})
    manifest = bind(study).manifest
    assert "A to B by acc, fan 5" in manifest["calibration"]
    assert set(manifest["inputs"]["target"]["labelled"]) == {"acc", "gyro"}
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    assert pairs["bridge"].is_not_null().any()
    put_target(study, modalities=("acc", "mag"))
    with pytest.raises(InputError, match=r"compares the target's windows by 'gyro'.*\(it has: acc, mag\)"):
        bind(study)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"count": 8}, r"needs at least 8 labelled windows of 2 people .* hold acc; there are 6 of 2"),
    ({"people": 1}, r"needs at least 8 labelled windows of 2 people .*; there are 16 of 1"),
    ({"labels": [None] * 24}, r"there are 0 of 0"),
    ({"labels": [f"{number % 2}" for number in range(24)]}, r"no two people of the target show the same label"),
    ({"absent": {"acc": range(20)}}, r"hold acc; there are 2 of 2"),
    ({"unit": "g"}, r"differ in unit: m/s2 in the role 'A', g in the role 'target'"),
]


@pytest.mark.parametrize(("target", "message"), REFUSED)
def test_labelled_windows_that_tell_nothing_are_refused(tmp_path: Path, target: dict[str, Any], message: str) -> None:
    study = prepared(tmp_path)
    put_target(study, **target)
    with pytest.raises(InputError, match=message):
        bind(study)
    assert not study.bindings.exists()


def test_the_encoder_has_to_be_that_of_the_embeddings(tmp_path: Path) -> None:
    study = prepared(tmp_path)
    card = study.model("shared") / "card.json"
    write_json(card, {**read_json(card), "more": 1})
    with pytest.raises(InputError, match=r"needs the encoder that made the embeddings \(\w{12}\); .* holds another"):
        bind(study)
    shutil.rmtree(study.model("shared"))
    with pytest.raises(InputError, match="is missing"):
        bind(study)


def test_an_aligned_source_has_to_be_known(tmp_path: Path) -> None:
    study = prepared(tmp_path, shared={"align": "standardise"})
    bind(study)
    put_target(study, source="elsewhere")
    with pytest.raises(InputError, match=r"standardise was fitted on the sources s; windows of elsewhere"):
        bind(study)

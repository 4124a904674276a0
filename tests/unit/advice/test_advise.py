"""Advice ranks without labels, and says how far it can be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.advice import advise, figures
from mmbind.advice.advise import agreement_with_purity
from mmbind.cli import cli
from mmbind.errors import InputError, MissingStageError
from mmbind.files import sha256_file
from mmbind.study import Study
from tests.support import tiny_params, write_store, write_study
from tests.unit.encoders.test_encoders import motions
from tests.unit.encoders.test_representations import turned

KINDS = np.arange(48) % 4


def crooked_study(root: Path, *, truth: bool = True, placements: tuple[str, str] = ("wrist", "wrist")) -> Study:
    """Both roles do the same four kinds of motion; B wears its device in another way each time."""
    params = tiny_params()
    for name, placement in zip(("s", "other"), placements, strict=True):
        source = tiny_params()["sources"]["s"]
        params["sources"][name] = {**source, "identity": {**source["identity"], "placement": placement}}
    params["roles"]["B"]["sources"] = ["other"]
    study = write_study(root, **params)
    for role, own, seed in (("A", "gyro", 1), ("B", "mag", 2)):
        acc = motions(KINDS, seed)
        acc = turned(acc, 3) if role == "B" else acc
        write_store(study.role(role), {"acc": acc, own: acc}, subjects=["p"] * 48, labels=[None] * 48, prefix=role)
        if truth:
            names = [f"kind {kind}" for kind in KINDS]
            write_store(study.truth(role), {"other": acc}, subjects=["p"] * 48, labels=names, prefix=role)
    return study


def test_what_does_not_see_the_mounting_ranks_above_the_raw_axes(tmp_path: Path) -> None:
    advice = advise(crooked_study(tmp_path))
    names = [(row["encoder"], row["representation"]) for row in advice.rows]
    assert names.index(("window", "vertical")) < names.index(("window", "raw"))
    purity = {name: row["purity"] for name, row in zip(names, advice.rows, strict=True)}
    assert purity[names[0]] > 0.8 > purity[("window", "raw")]
    assert advice.agreement is not None
    assert advice.agreement["score"] > 0.4
    assert [row["score"] for row in advice.rows] == sorted((row["score"] for row in advice.rows), reverse=True)
    assert advice.windows == {"A": 48, "B": 48}


def test_same_bytes_twice_and_labels_change_no_figure(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        study = crooked_study(tmp_path / name)
        advise(study, alignments=("coral",))
        digests.append(sha256_file(study.data / "advice" / "advice.json"))
    assert digests[0] == digests[1]
    blind = advise(crooked_study(tmp_path / "blind", truth=False), alignments=("coral",))
    seeing = advise(study, alignments=("coral",))
    assert blind.agreement is None
    assert [{**row, "purity": None} for row in seeing.rows] == blind.rows


def test_copies_are_turned_where_devices_are_worn_differently(tmp_path: Path) -> None:
    alike = advise(crooked_study(tmp_path / "alike"))
    unlike = advise(crooked_study(tmp_path / "unlike", placements=("wrist", "pocket")))
    found = [
        {(row["encoder"], row["representation"]): row["agreement"] for row in advice.rows} for advice in (alike, unlike)
    ]
    assert found[1]["window", "raw"] < 0.7 * found[0]["window", "raw"]
    assert found[1]["window", "vertical"] > 0.7 * found[0]["window", "vertical"]


def test_learned_encoders_on_a_sample(tmp_path: Path) -> None:
    advice = advise(crooked_study(tmp_path), learned=True, limit=20)
    assert {row["encoder"] for row in advice.rows} >= {"autoencoder", "contrastive", "masked"}
    assert advice.windows == {"A": 20, "B": 20}
    assert not list((tmp_path / "data" / ".work").glob("*"))


def test_the_command_prints_a_table_and_json(tmp_path: Path) -> None:
    crooked_study(tmp_path)
    shown = CliRunner().invoke(cli, ["advise", "--study", str(tmp_path), "--top", "3"])
    assert shown.exit_code == 0, shown.output
    assert "rank correlation with purity: score" in shown.output
    assert "first by the figures without labels: shared: {modality: acc" in shown.output
    printed = CliRunner().invoke(cli, ["advise", "--study", str(tmp_path), "--json"])
    value = json.loads(printed.output[printed.output.index("{") :])
    assert value == json.loads((tmp_path / "data" / "advice" / "advice.json").read_text())


def test_refusals_name_the_reason(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    with pytest.raises(MissingStageError, match="assign"):
        advise(study)
    for role, own in (("A", "gyro"), ("B", "mag")):
        signals = {own: np.zeros((4, 8, 3), np.float32)}
        write_store(study.role(role), signals, subjects=["p"] * 4, labels=[None] * 4, prefix=role)
    with pytest.raises(InputError, match=r"share no modality .*A: gyro; B: mag"):
        advise(study)


@given(seed=st.integers(0, 999), rows=st.integers(2, 20), columns=st.integers(2, 20))
@settings(deadline=None, max_examples=30)
def test_figures_are_shares(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = (
        v / np.linalg.norm(v, axis=1, keepdims=True) for v in (rng.normal(size=(n, 4)) for n in (rows, columns))
    )
    there, home = figures.similarities(left, right), figures.similarities(left, left)
    found = [figures.mutual(there), figures.cycle(there, home), figures.agreement(there, there)]
    assert all(0 <= value <= 1 for value in [*found, figures.mixing(left, right)])
    assert found[0] <= found[1]
    assert found[2] == 1


def test_mixing_knows_sources_that_lie_apart_from_those_that_do_not() -> None:
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(200, 3)) + np.array([10, 0, 0])
    other = rng.normal(size=(200, 3)) - np.array([10, 0, 0])
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (cloud[:100], cloud[100:], other[:100])]
    assert figures.mixing(unit[0], unit[1]) > 0.7
    assert figures.mixing(unit[0], unit[2]) == 0


def test_rank_correlation() -> None:
    rows = [
        {"score": s, "purity": p, "cycle": s, "mutual": -s, "agreement": 0.5, "mixing": s}
        for s, p in ((0.1, 0.2), (0.2, 0.5), (0.3, 0.9))
    ]
    found = agreement_with_purity(rows)
    assert found == {"score": 1.0, "cycle": 1.0, "mutual": -1.0, "agreement": 0.0, "mixing": 1.0}
    assert agreement_with_purity(rows[:2]) is None

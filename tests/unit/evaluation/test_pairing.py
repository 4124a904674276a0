"""``mmbind bind compare``: every rule, judged by labels that binding never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from mmbind.binding import proposals
from mmbind.cli.bind import bind as command
from mmbind.errors import InputError
from mmbind.evaluation import pairing
from mmbind.evaluation.controls import random_graph, same_class_graph
from mmbind.evaluation.pairing import compare_rules
from mmbind.evaluation.pairing_table import compare_study
from mmbind.files import digest_folder, read_json
from mmbind.study import Study
from mmbind.windows.store import StoreWriter, WindowStore
from tests.unit.binding.rig import put_role, two_roles, unit

CLASSES = ("walk", "sit", "fall")


def put_truth(study: Study, role: str, labels: list[str | None]) -> None:
    store = WindowStore.open(study.role(role), stage="assign")
    study.truth(role).mkdir(parents=True)
    writer = StoreWriter(study.truth(role), {})
    writer.add(store.index.drop("shard", "^row_.*$").with_columns(label=pl.Series(labels, dtype=pl.String)), {})
    writer.close({})


@pytest.fixture
def labelled(tmp_path: Path) -> Study:
    """Classes with embeddings and signals of their own, B's embeddings less clear."""
    rng = np.random.default_rng(0)
    a, b = np.arange(18) % 3, np.arange(24) % 3
    centres = np.eye(3)
    study = two_roles(
        tmp_path, unit(np.eye(3)[a]), unit(np.eye(3)[b]), select={"kind": "csls", "neighbours": 4}, candidates=24
    )
    shapes = np.stack([np.sin(np.arange(4) * (k + 1)) for k in range(3)])[..., None]
    for role, kinds, modalities in (("A", a, ["acc", "gyro"]), ("B", b, ["acc", "mag"])):
        vectors = unit(centres[kinds] + 0.1 * rng.normal(size=(len(kinds), 3)))
        put_role(study, role, modalities, vectors, signals=shapes[kinds] + 0.01 * rng.normal(size=(len(kinds), 4, 1)))
        put_truth(study, role, [CLASSES[kind] for kind in kinds])
    return study


def test_every_rule_is_judged_and_nothing_written(labelled: Study) -> None:
    before = digest_folder(labelled.root)
    results = {(one.rerank, one.rule): one for one in compare_rules(labelled)}
    assert digest_folder(labelled.root) == before
    chance = results["-", "random (control)"]
    oracle = results["-", "same-class oracle (control)"]
    assert oracle.purity == 1 > chance.purity > 0
    kinds = {rule.split()[0] for _, rule in results}
    assert kinds >= {"nearest", "softmax", "mutual", "csls", "capped", "transport", "ratio"}
    assert [one.rule for one in results.values() if one.configured] == ["csls (neighbours 4, temperature 0.05)"]
    found = results["none", "nearest"]
    assert (found.coverage, found.purity) == (1, 1)
    assert results["none", "mutual"].coverage == pytest.approx(found.mutual)
    assert results["none", "capped (cap 3)"].hubness <= 3
    assert results["none", "capped (cap 3)"].coverage == 1
    assert all(one.peak_mib > 0 for one in results.values())


def test_the_search_is_part_of_what_is_timed(labelled: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    inside: list[int] = []

    def counted(*values: Any, nearest: Any = proposals.nearest) -> Any:
        searched.append(1)
        return nearest(*values)

    def timed(work: Any) -> tuple[float, float]:
        before = len(searched)
        work()
        inside.append(len(searched) - before)
        return 1000.0, 0.0

    monkeypatch.setattr(proposals, "nearest", counted)
    monkeypatch.setattr(pairing, "_cost", timed)
    results = compare_rules(labelled)
    assert sum(inside) == len(searched) > 0
    assert {one.seconds for one in results if one.rerank != "-"} == {2000.0}  # search and rule
    assert {one.seconds for one in results if one.rerank == "-"} == {1000.0}


def test_without_labels_purity_is_unknown(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    study = two_roles(tmp_path, unit(rng.normal(size=(6, 3))), unit(rng.normal(size=(5, 3))))
    results = compare_rules(study)
    assert {one.purity for one in results} == {None}
    assert "same-class oracle (control)" not in {one.rule for one in results}


def test_the_command_prints_a_table_and_writes_json(labelled: Study, tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    done = CliRunner().invoke(command, ["compare", "--study", str(labelled.root), "--json", str(path)])
    assert done.exit_code == 0, done.output
    assert "csls (neighbours 4, temperature" in done.output
    assert "0.05) *" in done.output
    assert "purity of mutual" in done.output
    kept: dict[str, Any] = read_json(path)["as assigned"]
    assert {"rerank", "rule", "coverage", "purity", "mutual", "hubness", "seconds", "peak_mib"} <= set(kept[0])


@pytest.mark.parametrize(
    ("names", "people", "message"),
    [(["r9"], [], "Unknown rotation 'r9'"), ([], ["A:1"], "is not role=subject"), ([], ["X=1"], "unknown role 'X'")],
)
def test_rotations_that_cannot_be_are_refused(
    labelled: Study, names: list[str], people: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        compare_study(labelled, names, people)


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        ("align", "'align' is not key=value"),
        ("algin=coral", "unknown key 'algin'"),
        ("align=corral", "align: Input should be 'none'"),
    ],
)
def test_comparing_by_what_is_not_there_is_refused(labelled: Study, shared: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_study(labelled, shared=shared)


def test_controls_draw_from_all_lenders() -> None:
    graph = random_graph(200, 40, 3, seed=0)
    assert np.diff(graph.starts).tolist() == [3] * 200
    assert set(graph.lenders.tolist()) == set(range(40))
    ours, theirs = pl.Series(["x", None, "y", "z"]), pl.Series(["y", "x", None, "x"])
    drawn = same_class_graph(ours, theirs, 2, seed=0)
    assert [drawn.lenders[drawn.starts[i] : drawn.starts[i + 1]].tolist() for i in range(4)] == [[1, 3], [], [0], []]

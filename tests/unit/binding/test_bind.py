from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding import bind
from mmbind.encoders.store import EmbeddingStore
from mmbind.errors import InputError, MissingStageError
from mmbind.files import digest_folder, read_json
from mmbind.schema import PAIRS
from mmbind.study import Study
from tests.support import tiny_params, write_study
from tests.unit.binding.rig import PLAIN, put_embeddings, put_role, random_vectors, two_roles, unit


def pairs_of(study: Study) -> pl.DataFrame:
    return pl.read_parquet(study.bindings / "pairs.parquet")


def manifest_of(study: Study) -> dict:
    return read_json(study.bindings / "manifest.json")


def test_each_side_borrows_what_it_lacks_from_the_most_similar(tmp_path: Path) -> None:
    a = unit(np.array([[1, 0, 0], [0, 1, 0]]))
    b = unit(np.array([[0, 2, 1], [1, 0.1, 0], [0, 0, 1]]))
    study = two_roles(tmp_path, a, b)
    summary = bind(study)
    pairs = pairs_of(study)
    assert dict(pairs.schema) == {**PAIRS, "score": pl.Float64}
    found = {(r["anchor"], r["borrowed_modality"]): r for r in pairs.iter_rows(named=True)}
    assert {key: row["partner"] for key, row in found.items()} == {
        ("a0000", "mag"): "b0001", ("a0001", "mag"): "b0000",
        ("b0000", "gyro"): "a0001", ("b0001", "gyro"): "a0000", ("b0002", "gyro"): "a0000",
    }  # fmt: skip
    first = found["a0000", "mag"]
    assert first["similarity"] == pytest.approx(1 / np.sqrt(1.01))
    assert first["margin"] == pytest.approx(1 / np.sqrt(1.01))
    assert (first["anchor_source"], first["partner_source"]) == ("source_a", "source_b")
    assert (first["shared_modality"], first["rank"], first["mutual"]) == ("acc", 1, True)
    assert found["b0002", "gyro"]["mutual"] is False
    assert found["b0002", "gyro"]["weight"] == 0
    assert summary.manifest["counts"]["pairs"] == 5
    assert "A borrows mag: 2/2 anchors bound" in summary.lines()[0]


@given(
    sizes=st.tuples(st.integers(3, 30), st.integers(3, 30)),
    partners=st.integers(1, 3),
    distinct=st.integers(1, 40),
    lost=st.lists(st.integers(0, 1), max_size=2),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=30)
def test_invariants(sizes: tuple[int, int], partners: int, distinct: int, lost: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = random_vectors(distinct, 5, seed)
    a, b = (base[rng.integers(0, distinct, size)] for size in sizes)
    with TemporaryDirectory() as folder:
        study = write_study(Path(folder), binding={**PLAIN, "partners": partners})
        put_role(study, "A", ["acc", "gyro"], a)
        put_role(study, "B", ["acc", "mag"], np.concatenate([b, b[:2]]), absent={"acc": lost})
        bind(study)
        pairs, counts = pairs_of(study), manifest_of(study)["counts"]
        stores = {role: EmbeddingStore.open(study.embeddings(role)) for role in "AB"}
        vector = {w: v.astype(np.float64) for s in stores.values() for w, v in zip(s.ids, s.vectors, strict=True)}
    for row in pairs.iter_rows(named=True):
        x, y = vector[row["anchor"]], vector[row["partner"]]
        assert row["similarity"] == pytest.approx(x @ y / np.linalg.norm(x) / np.linalg.norm(y), abs=1e-12)
        assert row["partner"] in (stores["B"] if row["anchor"][0] == "a" else stores["A"]).ids
    assert pairs["weight"].is_between(0, 1).all()
    assert pairs["similarity"].is_between(-1, 1).all()
    assert pairs["margin"].drop_nulls().is_between(0, 2).all()
    assert pairs.group_by("anchor", "borrowed_modality").len()["len"].max() <= partners
    assert pairs.select("anchor", "partner").is_unique().all()
    mutual = set(pairs.filter("mutual").select("anchor", "partner").iter_rows())
    assert mutual == {(partner, anchor) for anchor, partner in mutual}
    assert counts["anchors"] == counts["bound"] + sum(counts["refused"].values())
    assert counts["bound"] == pairs.select("anchor", "borrowed_modality").n_unique()
    assert counts["loans"]["B borrows gyro"]["refused"] == (
        {"lacks the shared modality": len(set(lost))} if lost else {}
    )
    assert pairs.equals(pairs.sort("anchor", "borrowed_modality", "rank"))


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=8)
def test_row_order_of_the_embeddings_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = random_vectors(15, 6, seed), random_vectors(20, 6, seed + 1)[rng.integers(0, 20, 25)]
    with TemporaryDirectory() as folder:
        study = two_roles(Path(folder), a, b)
        bind(study)
        before = digest_folder(study.bindings)
        put_embeddings(study, "A", a, np.ones(15, bool), rng.permutation(15))
        put_embeddings(study, "B", b, np.ones(25, bool), rng.permutation(25))
        bind(study)
        assert digest_folder(study.bindings) == before


CHANGES = ["vector", "window", "partners", "weight", "presence"]
KEEPS = ["again", "training", "report", "moved"]


@given(change=st.sampled_from(CHANGES + KEEPS), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=25)
def test_the_id_changes_exactly_when_what_it_describes_changes(change: str, seed: int) -> None:
    a, b = random_vectors(9, 6, seed), random_vectors(11, 6, seed + 1)
    with TemporaryDirectory() as folder:
        study = two_roles(Path(folder) / "study", a, b)
        before = bind(study).manifest
        binding = PLAIN
        match change:
            case "vector":
                b = b.copy()
                b[seed % 11] = unit(b[seed % 11 : seed % 11 + 1] + 0.01)[0]
                put_role(study, "B", ["acc", "mag"], b)
            case "window":
                put_role(study, "A", ["acc", "gyro"], a, names=[f"a{i + 1:04d}" for i in range(9)])
            case "presence":
                put_role(study, "B", ["acc", "mag"], b, absent={"mag": [seed % 11]})
            case "partners":
                study = write_study(study.root, binding={**binding, "partners": 2})
            case "weight":
                study = write_study(study.root, binding={**binding, "weight": {"slope": 0.4}})
            case "training":
                study = write_study(study.root, binding=binding, training={**tiny_params()["training"], "seed": 5})
            case "report":
                study = write_study(study.root, binding=binding, report={"drawn_pairs": 3})
            case "moved":
                shutil.move(study.root, Path(folder) / "moved")
                study = Study.load(Path(folder) / "moved")
        after = bind(study).manifest
        assert (after["id"] != before["id"]) == (change in CHANGES)
        if change in KEEPS:
            assert after == before


def test_three_roles_borrow_from_the_best_of_all_lenders(tmp_path: Path) -> None:
    roles = {**tiny_params()["roles"], "C": {"sources": ["s"], "subjects": ["p7"], "modalities": ["acc", "mag"]}}
    study = write_study(tmp_path, roles=roles, binding=PLAIN)
    put_role(study, "A", ["acc", "gyro"], unit(np.eye(4)[:2]))
    put_role(study, "B", ["acc", "mag"], unit(np.array([[3, 1, 0, 0], [0, 1, 1, 0]])))
    put_role(study, "C", ["acc", "mag"], unit(np.array([[1, 1, 0, 0], [0, 3, 1, 0.0]])), absent={"mag": []})
    manifest = bind(study).manifest
    pairs = pairs_of(study)
    partner = dict(pairs.filter(pl.col("borrowed_modality") == "mag").select("anchor", "partner").iter_rows())
    assert partner == {"a0000": "b0000", "a0001": "c0001"}
    assert manifest["counts"]["loans"]["A borrows mag"]["lenders"] == ["B", "C"]
    assert set(manifest["counts"]["loans"]) == {"A borrows mag", "B borrows gyro", "C borrows gyro"}
    assert pairs.filter(pl.col("anchor") == "a0001")["mutual"].item()


def test_one_anchor_borrows_several_modalities(tmp_path: Path) -> None:
    study = write_study(tmp_path, binding=PLAIN)
    put_role(study, "A", ["acc"], random_vectors(5))
    put_role(study, "B", ["acc", "gyro", "mag"], random_vectors(6, seed=1), absent={"mag": [0, 1]})
    manifest = bind(study).manifest
    pairs = pairs_of(study)
    assert pairs["anchor"].value_counts()["count"].to_list() == [2] * 5
    assert not set(pairs.filter(pl.col("borrowed_modality") == "mag")["partner"]) & {"b0000", "b0001"}
    assert manifest["counts"]["loans"]["A borrows mag"]["lending_windows"] == 4


def test_opens_neither_truth_nor_target_nor_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = two_roles(tmp_path, random_vectors(4), random_vectors(5, seed=1))
    for name in ("A", "B", "target", "test"):
        study.truth(name).mkdir(parents=True)
    asked: list[str] = []
    for method in ("truth", "role"):
        original = getattr(Study, method)
        monkeypatch.setattr(
            Study, method, lambda self, name, m=method, o=original: asked.append(f"{m} {name}") or o(self, name)
        )
    bind(study)
    assert set(asked) == {"role A", "role B"}


def test_constant_embeddings_pair_with_the_lowest_id(tmp_path: Path) -> None:
    same = np.repeat(random_vectors(1), 40, axis=0)
    study = two_roles(tmp_path, same[:30], same)
    manifest = bind(study).manifest
    assert set(pairs_of(study)["partner"]) == {"a0000", "b0000"}
    assert manifest["quality"]["hubness_max"] == 40
    assert pairs_of(study)["mutual"].sum() == 2


def test_one_window_each(tmp_path: Path) -> None:
    study = two_roles(tmp_path, random_vectors(1), random_vectors(1))
    bind(study)
    assert pairs_of(study)["margin"].to_list() == [None, None]


def test_refuses_before_embed(tmp_path: Path) -> None:
    study = two_roles(tmp_path, random_vectors(3), random_vectors(3))
    shutil.rmtree(study.embeddings("B"))
    with pytest.raises(MissingStageError, match="embed"):
        bind(study)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("dimensions", "differ in dimensions: 8 in the role 'A', 6 in 'B'"),
        ("length", "'acc' differ in steps: 4 in the role 'A', 7 in the role 'B'"),
        ("no_shared", "role 'B' does not have the shared modality 'acc'"),
        ("no_window_has_shared", "No window of the role 'B' holds"),
        ("empty", "role 'B' has no windows"),
        ("zero", "embedding of the window 'b0002' is zero"),
        ("nan", "embedding of the window 'b0002' holds NaN"),
        ("long", "embedding of the window 'b0002' has not length 1"),
        ("few", "only 5 windows can lend, fewer than the 6 partners"),
        ("same", "No unlabelled role can borrow anything"),
        ("stale", "embeddings of the role 'B' were made of other windows"),
    ],
)
def test_refuses_with_a_clear_message(tmp_path: Path, case: str, message: str) -> None:
    study = two_roles(tmp_path, random_vectors(7), random_vectors(5, seed=1), partners=6 if case == "few" else 1)
    match case:
        case "dimensions":
            put_role(study, "B", ["acc", "mag"], random_vectors(5, 6))
        case "length":
            put_role(study, "B", ["acc", "mag"], random_vectors(5), steps=7)
        case "no_shared":
            put_role(study, "B", ["mag"], random_vectors(5))
        case "no_window_has_shared":
            put_role(study, "B", ["acc", "mag"], random_vectors(5), absent={"acc": range(5)})
        case "empty":
            put_role(study, "B", ["acc", "mag"], np.zeros((0, 8), np.float32))
        case "zero" | "nan" | "long":
            vectors = random_vectors(5, seed=1)
            vectors[2] = {"zero": 0.0, "nan": np.nan, "long": 1.0}[case]
            np.save(study.embeddings("B") / "vectors.npy", vectors)
        case "same":
            put_role(study, "B", ["acc", "gyro"], random_vectors(5))
        case "stale":
            shutil.copytree(study.embeddings("B"), tmp_path / "old")
            put_role(study, "B", ["acc", "mag"], random_vectors(6))
            shutil.rmtree(study.embeddings("B"))
            shutil.move(tmp_path / "old", study.embeddings("B"))
    with pytest.raises(InputError, match="(?s)" + message.replace("(", r"\(")):
        bind(study)
    assert not study.bindings.exists()

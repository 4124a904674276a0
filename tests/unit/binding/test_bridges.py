"""Bridges: pairs between roles that share nothing."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding import bind
from mmbind.binding.bridges import chain_similarity
from mmbind.binding.broker import most_probable
from mmbind.errors import InputError
from mmbind.files import digest_folder, read_json
from mmbind.schema import BRIDGES, PAIRS
from mmbind.study import Study
from tests.unit.binding.spaces import CHAIN, fill, study_of

COSINES = st.floats(-1, 1)


def table(study: Study) -> pl.DataFrame:
    return pl.read_parquet(study.bindings / "pairs.parquet")


def six(seed: int = 0, count: int = 24) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {role: random.permutation(np.arange(count) % 6) for role in "ABCD"}


@given(hops=st.lists(st.lists(COSINES, min_size=2, max_size=4), min_size=1, max_size=5), reverse=st.booleans())
def test_a_chain_is_no_more_alike_than_its_weakest_pair(hops: list[list[float]], reverse: bool) -> None:
    for chain in hops:
        (found,) = chain_similarity(np.array([chain[::-1] if reverse else chain]))
        angle = min(sum(np.arccos(each) for each in chain), np.pi)
        assert found == pytest.approx(np.cos(angle), abs=1e-12)
        assert -1 <= found <= min(chain) + 1e-9
    assert chain_similarity(np.array([[1.0, 1.0], [0.4, 1.0], [5.0, -3.0]])).tolist() == pytest.approx([1, 0.4, -1])


@given(seed=st.integers(0, 500))
@settings(deadline=None, max_examples=20)
def test_in_one_space_the_ends_are_at_least_so_alike(seed: int) -> None:
    a, b, c = np.random.default_rng(seed).normal(size=(3, 50, 4))
    a, b, c = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (a, b, c))
    bound = chain_similarity(np.stack([(a * b).sum(axis=1), (b * c).sum(axis=1)], axis=1))
    assert (bound <= (a * c).sum(axis=1) + 1e-9).all()


@given(
    seed=st.integers(0, 1000),
    partners=st.integers(1, 3),
    fan=st.integers(1, 4),
    noise=st.sampled_from([0.05, 0.6]),
    kind=st.sampled_from(["calibrated", "log", "none"]),
    select=st.sampled_from(["nearest", "transport", "mutual"]),
)
@settings(deadline=None, max_examples=20)
def test_invariants(seed: int, partners: int, fan: int, noise: float, kind: str, select: str) -> None:
    with TemporaryDirectory() as folder:
        study = study_of(
            Path(folder), CHAIN, partners=partners, bridges={"fan": fan}, weight={"kind": kind}, select={"kind": select}
        )
        known = fill(study, CHAIN, six(seed), noise=noise, seed=seed)
        manifest = bind(study).manifest
        pairs = table(study)
    role = {window: name for name, windows in known.items() for window in windows}
    assert dict(pairs.schema) == {**PAIRS, "score": pl.Float64, "probability": pl.Float64, **BRIDGES}
    assert pairs.equals(pairs.sort("anchor", "borrowed_modality", "rank"))
    for row in pairs.iter_rows(named=True):
        assert row["borrowed_modality"] in CHAIN[role[row["partner"]]]
        assert row["borrowed_modality"] not in CHAIN[role[row["anchor"]]]
        ends = {role[row["anchor"]], role[row["partner"]]}
        if row["bridge"] is None:
            assert ends != {"A", "C"}
            assert row["shared_modality"] in ("acc", "gyro")
            continue
        assert ends == {"A", "C"}
        assert [role[window] for window in row["bridge"]] == ["B"]
        assert row["shared_modality"] == ("acc > gyro" if role[row["anchor"]] == "A" else "gyro > acc")
        assert row["margin"] is None
        assert row["similarity"] == pytest.approx(chain_similarity(np.array([row["hop_similarities"]]))[0])
        assert row["probability"] == pytest.approx(np.prod(row["hop_probabilities"]))
        if kind == "calibrated":
            assert row["weight"] <= row["probability"] + 1e-12
    assert pairs["weight"].is_between(0, 1 + 1e-12).all()
    assert pairs.group_by("anchor", "borrowed_modality").len()["len"].max() <= partners
    assert pairs.select("anchor", "partner", "borrowed_modality").is_unique().all()
    ranks = pairs.group_by("anchor", "borrowed_modality", maintain_order=True).agg("rank")["rank"].to_list()
    assert all(each == list(range(1, len(each) + 1)) for each in ranks)
    for name, loan in manifest["counts"]["loans"].items():
        assert loan["anchors"] == loan["bound"] + sum(loan["refused"].values()), name
        assert loan["pairs"] == sum(route["pairs"] for route in loan["routes"]), name


MODALITIES = ["acc", "gyro", "mag", "skeleton"]
ROLES = st.dictionaries(
    st.sampled_from("ABCDE"), st.sets(st.sampled_from(MODALITIES), min_size=1).map(sorted), min_size=2, max_size=5
)


@given(
    has=ROLES,
    named=st.permutations(MODALITIES).flatmap(lambda names: st.integers(2, 4).map(lambda count: names[:count])),
    when=st.sampled_from(["needed", "always"]),
    lacking=st.integers(0, 3),
    data=st.data(),
)
@settings(deadline=None, max_examples=10)
def test_any_number_of_roles_with_any_overlap(
    has: dict[str, list[str]], named: list[str], when: str, lacking: int, data: st.DataObject
) -> None:
    """Whatever roles have: they are bound as promised in any order of roles, or refused with a reason."""
    told: list[str] = []
    for order in (sorted(has), data.draw(st.permutations(sorted(has)))):
        with TemporaryDirectory() as folder:
            try:
                rules = {"partners": 2, "bridges": {"max_hops": 3, "when": when, "unreached": "skip"}}
                shared = {"modality": named[0], "also": named[1:]}
                study = study_of(Path(folder), has, order=order, shared=shared, **rules)
                known = fill(study, has, {role: np.arange(12) % 4 for role in has}, noise=0.5, lacking=lacking)
                manifest = bind(study).manifest
            except InputError as error:
                told.append(str(error).replace(folder, ""))
                continue
            told.append(digest_folder(study.bindings))
            _check(table(study), manifest, has, known)
    assert told[0] == told[1]


def _check(pairs: pl.DataFrame, manifest: dict, has: dict[str, list[str]], known: dict[str, dict[str, int]]) -> None:
    role = {window: name for name, windows in known.items() for window in windows}
    assert pairs.group_by("anchor", "borrowed_modality").len()["len"].max() <= 2
    assert pairs["weight"].is_between(0, 1 + 1e-12).all()
    counted = 0
    for name, loan in manifest["counts"]["loans"].items():
        borrower, _, modality = name.split()
        mine = pairs.filter(pl.col("borrowed_modality") == modality, pl.col("anchor").replace_strict(role) == borrower)
        assert loan["anchors"] == 12 == loan["bound"] + sum(loan["refused"].values())
        assert loan["bound"] == mine["anchor"].n_unique()
        assert loan["pairs"] == mine.height == sum(route["pairs"] for route in loan["routes"])
        assert {role[partner] for partner in mine["partner"]} <= set(loan["lenders"])
        assert all(modality in has[lender] for lender in loan["lenders"])
        assert modality not in has[borrower]
        counted += mine.height
    assert counted == pairs.height
    if "bridge" in pairs.columns:
        bridged = pairs.filter(pl.col("bridge").is_not_null())
        assert bridged["similarity"].is_between(-1, 1).all()
        assert (bridged["similarity"] <= bridged["hop_similarities"].list.min() + 1e-9).all()
        assert (bridged["probability"] <= bridged["hop_probabilities"].list.min() + 1e-12).all()


def test_windows_of_one_class_find_each_other_over_a_bridge(tmp_path: Path) -> None:
    study = study_of(tmp_path, CHAIN, partners=2, weight={"kind": "calibrated"}, select={"kind": "transport"})
    known = fill(study, CHAIN, six(), noise=0.05)
    summary = bind(study)
    of = {window: each for windows in known.values() for window, each in windows.items()}
    bridged = table(study).filter(pl.col("bridge").is_not_null())
    assert set(bridged["borrowed_modality"]) == {"mag"}
    assert all(of[a] == of[p] for a, p in bridged.select("anchor", "partner").iter_rows())
    assert any("A > B > C by acc > gyro: 48 pairs" in line for line in summary.lines())


@pytest.mark.parametrize("order", [["C", "A", "B"], ["B", "C", "A"]])
def test_the_order_of_roles_and_rows_changes_nothing(tmp_path: Path, order: list[str]) -> None:
    digests = []
    for number, roles in enumerate((list(CHAIN), order)):
        study = study_of(tmp_path / str(number), CHAIN, order=roles, partners=2, weight={"kind": "calibrated"})
        fill(study, CHAIN, six(), noise=0.4)
        if number:  # rows of the embeddings in another order
            for path in study.embeddings("").glob("*/*"):
                index, vectors = pl.read_parquet(path / "index.parquet"), np.load(path / "vectors.npy")
                turned = np.arange(len(vectors))[::-1]
                np.save(path / "vectors.npy", vectors[turned])
                index.with_columns(row=pl.Series(np.argsort(turned))).write_parquet(path / "index.parquet")
        bind(study)
        digests.append(digest_folder(study.bindings))
    assert digests[0] == digests[1]


def test_several_routes_share_out_what_one_would_have_given(tmp_path: Path) -> None:
    has = {"A": ["acc", "gyro"], "B": ["acc", "mag"], "C": ["gyro", "mag"]}
    study = study_of(tmp_path, has, shared={"also": ["gyro", "mag"]}, partners=3, weight={"kind": "calibrated"},
                     select={"kind": "transport"})  # fmt: skip
    fill(study, has, six(), noise=0.3)
    manifest = bind(study).manifest
    pairs = table(study)
    assert "bridge" not in pairs.columns
    routes = manifest["counts"]["loans"]["A borrows mag"]["routes"]
    assert [(route["path"], route["by"]) for route in routes] == [("A > B", "acc"), ("A > C", "gyro")]
    assert all(route["pairs"] for route in routes)
    sums = pairs.group_by("anchor", "borrowed_modality").agg(pl.col("weight").sum())["weight"]
    assert sums.max() <= 1 + 1e-9
    assert manifest["params"]["shared_modalities"] == ["acc", "gyro", "mag"]
    assert set(manifest["inputs"]["A"]["spaces"]) == {"acc", "gyro"}


def test_the_most_probable_of_all_routes_are_taken() -> None:
    def route(number: int, *rows: tuple[str, str, float, int, float]) -> pl.DataFrame:
        columns = ["anchor", "partner", "probability", "rank", "weight"]
        pairs = pl.DataFrame(rows, schema=columns, orient="row")
        return pairs.with_columns(pl.col("rank").cast(pl.Int32), route=pl.lit(number))

    one = route(0, ("a", "x", 0.9, 1, 0.5), ("a", "y", 0.4, 2, 0.1), ("b", "x", 0.2, 1, 0.2))
    two = route(1, ("a", "x", 0.8, 1, 0.3), ("a", "z", 0.6, 2, 0.3))
    found = most_probable([one, two], 2)
    assert found.select("anchor", "partner", "rank", "route").rows() == [
        ("a", "x", 1, 0), ("a", "z", 2, 1), ("b", "x", 1, 0)
    ]  # fmt: skip
    np.testing.assert_allclose(found["weight"], [0.5 * 0.6 / 0.8, 0.3 * 0.6 / 0.8, 0.2])


def test_constraints_hold_for_the_ends_too(tmp_path: Path) -> None:
    study = study_of(tmp_path, CHAIN, partners=2, constraints={"subject": "same"})
    fill(study, CHAIN, six())
    with pytest.raises(InputError, match="No window found a partner"):
        bind(study)


def test_what_cannot_be_reached_is_told(tmp_path: Path) -> None:
    study = study_of(tmp_path, CHAIN, bridges={"max_hops": 1})
    fill(study, CHAIN, six())
    with pytest.raises(InputError, match=r"'A' cannot borrow 'mag' of 'C'.*max_hops: 2 \(A > B > C\)"):
        bind(study)
    study = study_of(tmp_path, CHAIN, bridges={"max_hops": 1, "unreached": "skip"})
    assert set(bind(study).manifest["counts"]["loans"]) == {"A borrows gyro", "B borrows mag", "C borrows acc"}


def test_a_role_that_shares_nothing_is_told_what_to_name(tmp_path: Path) -> None:
    has = {"A": ["acc"], "B": ["acc", "gyro"], "C": ["gyro", "mag"]}
    study = study_of(tmp_path, has, shared={"also": ["mag"]})
    with pytest.raises(InputError, match=r"'C' shares none of the modalities acc, mag.*'gyro' \(with B\)"):
        fill(study, has, six())


def test_roles_that_have_nothing_in_common_cannot_be_bound(tmp_path: Path) -> None:
    has = {"A": ["acc"], "B": ["gyro"], "C": ["mag"]}
    study = study_of(tmp_path, has, shared={"modality": "acc", "also": ["gyro", "mag"]})
    with pytest.raises(InputError, match=r"'A' shares none of the modalities acc, gyro, mag.*it cannot be bound"):
        fill(study, has, six())


def test_chains_of_three_hops(tmp_path: Path) -> None:
    has = {"A": ["acc", "skeleton"], "B": ["acc", "gyro"], "C": ["gyro", "mag"], "D": ["mag"]}
    study = study_of(tmp_path, has, shared={"also": ["gyro", "mag"]}, bridges={"max_hops": 3})
    fill(study, has, six(), noise=0.05)
    bind(study)
    bridged = table(study).filter(pl.col("bridge").list.len() == 2)
    assert set(bridged["shared_modality"]) == {"mag > gyro > acc"}
    assert bridged["hop_similarities"].list.len().unique().to_list() == [3]
    assert read_json(study.bindings / "manifest.json")["params"]["bridges"]["max_hops"] == 3

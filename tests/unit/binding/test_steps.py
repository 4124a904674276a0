"""The three steps together: what bind does with re-ranking, rules and constraints."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding import bind
from mmbind.binding.constraints import FORBIDDEN
from mmbind.errors import InputError
from mmbind.files import digest_folder, read_json
from mmbind.study import Study
from tests.support import tiny_params, write_study
from tests.unit.binding.rig import PLAIN, put_role, random_vectors, two_roles, unit

RULES: list[dict[str, Any]] = [
    {"kind": "nearest"},
    {"kind": "softmax"},
    {"kind": "mutual"},
    {"kind": "csls", "neighbours": 3},
    {"kind": "capped", "cap": 1},
    {"kind": "transport"},
    {"kind": "ratio", "ratio": 0.8},
]


def pairs_of(study: Study) -> pl.DataFrame:
    return pl.read_parquet(study.bindings / "pairs.parquet")


def counts_of(study: Study) -> dict[str, Any]:
    return read_json(study.bindings / "manifest.json")["counts"]


@given(
    rule=st.sampled_from(RULES),
    rerank=st.sampled_from(["none", "dtw"]),
    sizes=st.tuples(st.integers(2, 20), st.integers(2, 20)),
    partners=st.integers(1, 2),
    candidates=st.integers(2, 30),
    subject=st.sampled_from(["any", "different"]),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=40)
def test_what_holds_for_every_combination(
    rule: dict[str, Any],
    rerank: str,
    sizes: tuple[int, int],
    partners: int,
    candidates: int,
    subject: str,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    base = random_vectors(6, 4, seed)
    a, b = (unit(base[rng.integers(0, 6, size)] + 0.1 * rng.normal(size=(size, 4))) for size in sizes)
    a[-1] = a[0]  # a duplicate
    with TemporaryDirectory() as folder:
        study = two_roles(
            Path(folder), a, b, partners=partners, candidates=candidates, select=rule, rerank={"kind": rerank},
            constraints={"subject": subject},
        )  # fmt: skip
        shapes = {"a": rng.normal(size=(sizes[0], 4, 1)), "b": rng.normal(size=(sizes[1], 4, 1))}
        people = {side: [f"p{i}" for i in rng.integers(0, 3, len(shapes[side]))] for side in "ab"}
        put_role(study, "A", ["acc", "gyro"], a, signals=shapes["a"], subjects=people["a"])
        put_role(study, "B", ["acc", "mag"], b, signals=shapes["b"], subjects=people["b"])
        try:
            bind(study)
        except InputError as error:
            assert "No window found a partner" in str(error)  # noqa: PT017 - random data may allow nothing
            return
        pairs, counts = pairs_of(study), counts_of(study)
        before = digest_folder(study.bindings)
        bind(study)
        assert digest_folder(study.bindings) == before
    vector = {f"{side}{i:04d}": v.astype(float) for side, vs in (("a", a), ("b", b)) for i, v in enumerate(vs)}
    person = {f"{side}{i:04d}": p for side in "ab" for i, p in enumerate(people[side])}
    for row in pairs.iter_rows(named=True):
        x, y = vector[row["anchor"]], vector[row["partner"]]
        assert row["similarity"] == pytest.approx(x @ y / np.linalg.norm(x) / np.linalg.norm(y), abs=1e-12)
        assert row["anchor"][0] != row["partner"][0]
        assert subject == "any" or person[row["anchor"]] != person[row["partner"]]
    assert pairs["weight"].is_between(0, 1).all()
    by_anchor = pairs.group_by("anchor").agg("rank")
    assert all(sorted(ranks) == list(range(1, len(ranks) + 1)) for ranks in by_anchor["rank"])
    assert by_anchor["rank"].list.len().max() <= partners
    assert pairs.select("anchor", "partner").is_unique().all()
    if rule["kind"] == "capped":
        assert pairs.group_by("partner").len()["len"].max() == 1
    mutual = set(pairs.filter("mutual").select("anchor", "partner").iter_rows())
    if rule["kind"] in ("nearest", "softmax", "mutual"):
        assert mutual == {(partner, anchor) for anchor, partner in mutual}
    if rule["kind"] == "mutual" and partners == 1:
        assert len(mutual) == pairs.height
    assert counts["anchors"] == sum(sizes) == counts["bound"] + sum(counts["refused"].values())
    assert counts["bound"] == pairs["anchor"].n_unique()


def test_warping_finds_the_partner_that_the_embedding_misses(tmp_path: Path) -> None:
    time = np.arange(30)
    bumps = np.stack([np.exp(-(((time - centre) / 3) ** 2)) for centre in (8, 10, 20, 22)])[..., None]
    alike, other = unit(np.array([[1, 0.0], [1, 0.2]])), unit(np.array([[1, 0.19], [1, 0.01]]))
    for rerank, partner in (({"kind": "none"}, "b0001"), ({"kind": "dtw", "band": 8, "steps": 30}, "b0000")):
        study = two_roles(tmp_path / rerank["kind"], alike, other, rerank=rerank)
        put_role(study, "A", ["acc", "gyro"], alike, signals=bumps[[0, 2]], steps=30)
        put_role(study, "B", ["acc", "mag"], other, signals=bumps[[1, 3]], steps=30)
        bind(study)
        first = pairs_of(study).row(0, named=True)
        assert (first["anchor"], first["partner"]) == ("a0000", partner)
    assert first["score"] > 0.95
    assert first["margin"] > 0.3
    assert first["weight"] == pytest.approx(1 + 0.5 * np.log(first["score"]))


def test_the_id_knows_the_windows_that_were_warped(tmp_path: Path) -> None:
    vectors = random_vectors(4)
    ids = []
    for scale in (1.0, 1.0, 2.0):
        study = two_roles(tmp_path, vectors, vectors, rerank={"kind": "dtw"})
        signals = np.random.default_rng(0).normal(size=(4, 4, 1))
        signals[0] *= scale
        put_role(study, "A", ["acc", "gyro"], vectors, signals=signals)
        ids.append(bind(study).manifest["id"])
    assert ids[0] == ids[1] != ids[2]


def test_refusals_are_counted_by_reason(tmp_path: Path) -> None:
    a, b = unit(np.array([[1, 0.1], [1, 0.2], [0, 1]])), unit(np.array([[1, 0.0], [1, 0.15]]))
    study = two_roles(tmp_path, a, b, select={"kind": "mutual"}, constraints={"subject": "same"}, candidates=2)
    put_role(study, "A", ["acc", "gyro"], a, subjects=["p", "p", "q"])
    put_role(study, "B", ["acc", "mag"], b, subjects=["p", "p"])
    loans = bind(study).manifest["counts"]["loans"]
    assert loans["A borrows mag"]["refused"] == {FORBIDDEN: 1, "is not chosen by those it chooses": 1}
    assert loans["A borrows mag"]["bound"] == 1
    assert loans["B borrows gyro"]["refused"] == {"is not chosen by those it chooses": 1}


def test_time_of_day_wraps_around_midnight(tmp_path: Path) -> None:
    hour = 3600 * 10**9
    vectors = random_vectors(3)
    study = two_roles(tmp_path, vectors[:1], vectors, constraints={"hours": 2.0})
    put_role(study, "A", ["acc", "gyro"], vectors[:1], starts=[23 * hour])
    put_role(study, "B", ["acc", "mag"], vectors, starts=[12 * hour, 25 * hour, 30 * hour])
    bind(study)
    assert dict(pairs_of(study).select("anchor", "partner").iter_rows()) == {"a0000": "b0001", "b0001": "a0000"}


def test_placement_is_that_of_the_source(tmp_path: Path) -> None:
    params = tiny_params()
    places = {"source_a": "wrist", "source_b": "wrist"}
    sources = {
        name: {**params["sources"]["s"], "identity": {**params["sources"]["s"]["identity"], "placement": place}}
        for name, place in places.items()
    }
    vectors = random_vectors(3)

    def study_with(sources: dict[str, Any]) -> Study:
        constraints = {**PLAIN, "constraints": {"placement": "same"}}
        study = write_study(tmp_path, sources={**params["sources"], **sources}, binding=constraints)
        put_role(study, "A", ["acc", "gyro"], vectors)
        put_role(study, "B", ["acc", "mag"], vectors)
        return study

    assert bind(study_with(sources)).manifest["counts"]["bound"] == 6
    sources["source_b"]["identity"]["placement"] = "waist"
    with pytest.raises(InputError, match="No window found a partner.*6 " + FORBIDDEN):
        bind(study_with(sources))
    del sources["source_b"]["identity"]["placement"]
    with pytest.raises(InputError, match="'source_b' states no placement"):
        bind(study_with(sources))


def test_weights_are_shares_of_the_anchor(tmp_path: Path) -> None:
    study = two_roles(
        tmp_path, random_vectors(6), random_vectors(8, seed=1), partners=3, select={"kind": "transport"},
        weight={"kind": "none"},
    )  # fmt: skip
    bind(study)
    total = pairs_of(study).group_by("anchor").agg(pl.col("weight").sum())["weight"].to_numpy()
    np.testing.assert_allclose(total, 1)


def test_the_score_may_keep_a_share_of_the_embedding(tmp_path: Path) -> None:
    a, b = random_vectors(6), random_vectors(6, seed=1)
    signals = np.random.default_rng(0).normal(size=(6, 4, 1))
    scores = {}
    for share in (0.0, 0.25):
        rerank = {"kind": "dtw", "embedding": share}
        study = two_roles(tmp_path, a, b, rerank=rerank, select={"kind": "softmax"}, partners=6, candidates=6)
        put_role(study, "A", ["acc", "gyro"], a, signals=signals)
        put_role(study, "B", ["acc", "mag"], b, signals=signals)
        bind(study)
        scores[share] = pairs_of(study).sort("anchor", "partner")
    warped, cosines = (scores[0.0][name].to_numpy() for name in ("score", "similarity"))
    fitted = cosines.mean() + cosines.std() * (warped - warped.mean()) / warped.std()
    np.testing.assert_allclose(scores[0.25]["score"], 0.75 * fitted + 0.25 * cosines)


def test_windows_that_all_warp_alike_leave_the_choice_to_the_embedding(tmp_path: Path) -> None:
    vectors = random_vectors(6)
    study = two_roles(tmp_path, vectors, vectors, rerank={"kind": "dtw", "embedding": 0.5}, candidates=6)
    bind(study)  # all signals are zeros
    assert (pairs_of(study)["similarity"] > 0.999).all()


def test_a_wider_band_is_not_answered_from_memory(tmp_path: Path) -> None:
    vectors, signals = random_vectors(6), np.random.default_rng(0).normal(size=(6, 4, 1))
    digests = []
    for place, bands in (("both", (0, 3)), ("fresh", (3,))):
        for band in bands:
            study = two_roles(tmp_path / place, vectors, vectors, rerank={"kind": "dtw", "band": band})
            put_role(study, "A", ["acc", "gyro"], vectors, signals=signals)
            put_role(study, "B", ["acc", "mag"], vectors, signals=signals[::-1])
            bind(study)
        digests.append(digest_folder(study.bindings))
    assert digests[0] == digests[1]

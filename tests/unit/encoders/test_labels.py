"""Label binding: partners by the names of their classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbind.binding import bind
from mmbind.config import Params
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.encoders.labels import embed_names
from mmbind.study import Study
from tests.support import tiny_params, write_store, write_study

LABELS = {
    "A": ["walk", "jog", "sit_down", "walk", "jog", "sit_down", "walk", None],
    "B": ["walking fast", "running", "Sit-Down", "walking fast", "running", "Sit-Down", "clap", "clap"],
}


def label_params(**shared: object) -> dict[str, object]:
    params = tiny_params(shared={"modality": "label", "encoder": "labels", **shared})
    for role in "AB":
        params["roles"][role]["show_labels"] = True
    params["binding"] = {"partners": 1, "rerank": {"kind": "none"}, "select": {"kind": "nearest"}}
    return params


def label_study(root: Path, **shared: object) -> Study:
    study = write_study(root, **label_params(**shared))
    for role, own in (("A", "gyro"), ("B", "mag")):
        signals = {"acc": np.zeros((8, 32, 3), np.float32), own: np.zeros((8, 32, 3), np.float32)}
        write_store(study.role(role), signals, subjects=["p"] * 8, labels=LABELS[role], prefix=role)
    return study


def partners(study: Study) -> pl.DataFrame:
    labels = pl.concat([pl.read_parquet(study.role(role) / "index.parquet").select("window", "label") for role in "AB"])
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    joined = pairs.join(labels.rename({"window": "anchor", "label": "ours"}), on="anchor")
    return joined.join(labels.rename({"window": "partner", "label": "theirs"}), on="partner")


def test_windows_are_bound_by_their_labels(tmp_path: Path) -> None:
    study = label_study(tmp_path, synonyms={"jog": "running"})
    fit_shared_encoder(study)
    assert embed(study).lines()[0] == "A: 7/8 windows embedded, 1 refused (lacks the shared modality)"
    manifest = bind(study).manifest
    assert manifest["counts"]["loans"]["A borrows mag"]["refused"] == {"lacks the shared modality": 1}
    table = partners(study).filter(pl.col("borrowed_modality") == "mag")
    found = dict(table.select("ours", "theirs").unique().iter_rows())
    assert found == {"walk": "walking fast", "jog": "running", "sit_down": "Sit-Down"}
    same = table.filter(pl.col("ours") != "walk")["similarity"]
    assert same.is_between(0.98, 1.0).all()
    assert table.filter(pl.col("ours") == "walk")["similarity"].is_between(0.2, 0.8).all()


def test_partners_within_a_class_are_drawn_apart(tmp_path: Path) -> None:
    many = {role: ["walk"] * 40 for role in "AB"}
    study = write_study(tmp_path, **label_params())
    for role, own in (("A", "gyro"), ("B", "mag")):
        signals = {"acc": np.zeros((40, 32, 3), np.float32), own: np.zeros((40, 32, 3), np.float32)}
        write_store(study.role(role), signals, subjects=["p"] * 40, labels=many[role], prefix=role)
    fit_shared_encoder(study)
    embed(study)
    bind(study)
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    assert pairs.filter(pl.col("borrowed_modality") == "mag")["partner"].n_unique() > 15


@given(name=st.text(max_size=12), other=st.text(max_size=12))
def test_similarity_of_names_is_a_cosine(name: str, other: str) -> None:
    vectors = embed_names([name, other, name], {}).astype(float)
    products = vectors @ vectors.T
    assert (products > -1e-9).all()
    assert (products < 1 + 1e-6).all()
    assert products[0, 2] == pytest.approx(products[0, 0])


def test_case_and_separators_do_not_matter_and_synonyms_do() -> None:
    same = embed_names(["Sit-Down", "sit_down", "jog", "run"], {"jog": "run"})
    assert same[0] @ same[1] == pytest.approx(1, abs=1e-6)
    assert same[2] @ same[3] == pytest.approx(1, abs=1e-6)
    plain = embed_names(["walk", "walking_fast", "jump"], {})
    assert plain[0] @ plain[1] > plain[0] @ plain[2]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({**tiny_params(), "shared": {"modality": "acc", "encoder": "labels"}}, "goes with the modality 'label'"),
        ({"shared": {"modality": "label", "encoder": "statistics"}}, "goes with the modality 'label'"),
        ({"shared": {"modality": "label", "encoder": "labels", "fused": {"acc": 1}}}, "unknown modality 'acc'"),
        ({"shared": {"modality": "acc"}}, "only unlabelled roles that are bound by label"),
        ({"binding": {"rerank": {"kind": "dtw"}}}, "labels cannot be warped"),
        (
            {"binding": {"rerank": {"kind": "none"}, "weight": {"kind": "calibrated", "by": "labelled"}}},
            "labels cannot judge pairs that are made by labels",
        ),
    ],
)
def test_labels_and_signals_are_not_mixed_up(change: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Params.model_validate({**label_params(), **change})

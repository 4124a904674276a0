"""Every choice of encoder, representation and alignment keeps what all of them promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.config import Shared
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.encoders.align import Alignment, Moments
from mmbind.encoders.contrastive import changed
from mmbind.encoders.masked import hide
from mmbind.encoders.registry import ENCODERS, build_encoder
from mmbind.encoders.statistics import describe
from mmbind.encoders.store import EmbeddingStore
from mmbind.files import digest_folder
from mmbind.study import Study
from mmbind.windows.store import ModalitySpec
from tests.support import tiny_params, write_store, write_study
from tests.unit.encoders.test_encoders import motions, small_study
from tests.unit.encoders.test_representations import turned

SIGNAL_ENCODERS = sorted(set(ENCODERS) - {"labels"})
ALIGNMENTS = ["centre", "standardise", "whiten", "coral"]


def vectors_of(study: Study) -> dict[str, np.ndarray]:
    fit_shared_encoder(study)
    embed(study)
    return {role: np.asarray(EmbeddingStore.open(study.embeddings(role)).vectors) for role in "AB"}


@pytest.mark.parametrize("name", SIGNAL_ENCODERS)
def test_windows_of_a_kind_find_each_other(tmp_path: Path, name: str) -> None:
    study = small_study(tmp_path, encoder=name, schedule={"epochs": 30, "batch": 20, "learning_rate": 3e-3})
    vectors = vectors_of(study)
    kinds = {}
    for role, kept in vectors.items():
        np.testing.assert_allclose(np.linalg.norm(kept, axis=1), 1, atol=1e-6)
        order = EmbeddingStore.open(study.embeddings(role)).ids
        from mmbind.files import short_id

        kind_of = {short_id(role, i): i % 4 for i in range(40)}
        kinds[role] = np.array([kind_of[window] for window in order])
    nearest = (vectors["A"] @ vectors["B"].T).argmax(axis=1)
    assert (kinds["A"] == kinds["B"][nearest]).mean() > 0.8


@pytest.mark.parametrize("name", SIGNAL_ENCODERS)
@pytest.mark.parametrize("align", ["none", "coral"])
def test_same_bytes_twice(tmp_path: Path, name: str, align: str) -> None:
    found = []
    for run in ("one", "two"):
        study = small_study(tmp_path / run, encoder=name, align=align, representation="vertical")
        vectors_of(study)
        found.append((digest_folder(study.model("shared")), digest_folder(study.embeddings(""))))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", SIGNAL_ENCODERS)
@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=5)
def test_permuting_windows_permutes_vectors(name: str, seed: int) -> None:
    windows = motions(np.arange(12) % 4, seed)
    order = np.random.default_rng(seed).permutation(12)
    encoder = fitted(name, windows)
    with torch.inference_mode():
        whole, moved = (encoder(torch.from_numpy(part)) for part in (windows, windows[order].copy()))
    np.testing.assert_allclose(moved.numpy(), whole.numpy()[order], atol=1e-5 * float(whole.abs().max()))


def fitted(name: str, windows: np.ndarray, **shared: Any) -> Any:
    torch.manual_seed(0)
    section = Shared.model_validate({**tiny_params()["shared"], "encoder": name, **shared})
    encoder = build_encoder(ModalitySpec(windows.shape[1], ["x"] * windows.shape[2], "m/s2", None), section)
    encoder.learn(windows, None)
    return encoder.eval()


@pytest.mark.parametrize("name", ["statistics", "window", "autoencoder"])
@pytest.mark.parametrize("representation", ["magnitude", "gravity_aligned", "vertical", "vertical_magnitude"])
def test_how_a_device_is_worn_does_not_matter(tmp_path: Path, name: str, representation: str) -> None:
    straight = small_study(tmp_path / "straight", encoder=name, representation=representation)
    vectors_of(straight)
    acc = turned(motions(np.arange(40) % 4, 2), 5)
    crooked = small_study(tmp_path / "crooked", encoder=name, representation=representation)
    write_store(crooked.role("B"), {"acc": acc, "mag": acc}, subjects=["p"] * 40, labels=[None] * 40, prefix="B")
    vectors_of(crooked)
    for role in "AB":
        one, other = (EmbeddingStore.open(study.embeddings(role)).vectors for study in (straight, crooked))
        assert (one * other).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("name", SIGNAL_ENCODERS)
@pytest.mark.parametrize("align", ["none", *ALIGNMENTS])
def test_constants_can_be_embedded(tmp_path: Path, name: str, align: str) -> None:
    study = small_study(tmp_path, encoder=name, align=align)
    for role, own in (("A", "gyro"), ("B", "mag")):
        still = np.full((6, 32, 3), 9.8, dtype=np.float32)
        still[0, 3] = 0.0  # not all windows are alike, or centring leaves nothing
        write_store(study.role(role), {"acc": still, own: still}, subjects=["p"] * 6, labels=[None] * 6, prefix=role)
    vectors = vectors_of(study)
    assert all(np.isfinite(each).all() for each in vectors.values())


@pytest.mark.parametrize("name", SIGNAL_ENCODERS)
def test_one_window_each_is_enough(tmp_path: Path, name: str) -> None:
    study = small_study(tmp_path, encoder=name)
    for seed, (role, own) in enumerate((("A", "gyro"), ("B", "mag"))):
        acc = motions(np.array([seed]), seed)
        write_store(study.role(role), {"acc": acc, own: acc}, subjects=["p"], labels=[None], prefix=role)
    assert {role: len(each) for role, each in vectors_of(study).items()} == {"A": 1, "B": 1}


def moments_of(vectors: np.ndarray) -> Moments:
    moments = Moments(vectors.shape[1])
    for part in np.array_split(vectors, 3):
        moments.add(torch.from_numpy(part))
    return moments


@pytest.mark.parametrize("name", ALIGNMENTS)
@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=10)
def test_alignment_gives_sources_the_same_moments(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turns = [np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(2)]
    parts = [
        rng.normal(size=(300, 4)) * [1, 1.2, 1.5, 1.8] @ turn * scale + rng.normal(size=4)
        for turn, scale in zip(turns, (1, 5), strict=True)
    ]
    alignment = Alignment(name, 4, 2)  # type: ignore[arg-type]
    alignment.learn([moments_of(part) for part in parts])
    moved = [alignment(torch.from_numpy(part), torch.full((300,), number)).numpy() for number, part in enumerate(parts)]
    for part in moved:
        np.testing.assert_allclose(part.mean(axis=0), 0, atol=1e-8)
    if name == "standardise":
        deviations = [part.std(axis=0) for part in moved]
        np.testing.assert_allclose(deviations[0], deviations[1], rtol=0.25)
    if name in ("whiten", "coral"):
        shrunk = [moments_of(part).covariance for part in moved]
        assert float((shrunk[0] - shrunk[1]).norm() / shrunk[0].norm()) < 0.2


def test_no_alignment_changes_nothing() -> None:
    alignment = Alignment("none", 3, 2)
    alignment.learn([])
    vectors = torch.randn(5, 3, dtype=torch.float64)
    assert alignment(vectors, torch.zeros(5, dtype=torch.int64)) is vectors


def test_alignment_undoes_what_a_source_does_to_all_its_windows(tmp_path: Path) -> None:
    found = {}
    for align in ("none", "standardise"):
        study = small_study(tmp_path / align, encoder="window", align=align)
        acc = motions(np.arange(40) % 4, 2) * 3 + np.float32(20)  # another scale and offset
        store = {"acc": acc, "mag": acc}
        write_store(study.role("B"), store, subjects=["p"] * 40, labels=[None] * 40, prefix="B", source="other")
        vectors = vectors_of(study)
        found[align] = (vectors["A"] @ vectors["B"].T).max(axis=1).mean()
    assert found["standardise"] > found["none"] + 0.2


def test_fused_similarity_is_the_weighted_mean(tmp_path: Path) -> None:
    studies = {}
    for fused in ({}, {"gyro": 3.0}):
        params = {**tiny_params()["shared"], "encoder": "window", "fused": fused}
        study = write_study(tmp_path / f"f{len(fused)}", shared=params)
        for seed, role in enumerate("AB"):
            signals = {
                name: motions(np.arange(8) % 4, 10 * number + seed) for number, name in enumerate(("acc", "gyro"))
            }
            write_store(study.role(role), signals, subjects=["p"] * 8, labels=[None] * 8, prefix=role)
        vectors = vectors_of(study)
        studies[len(fused)] = vectors["A"] @ vectors["B"].T
    params = {**tiny_params()["shared"], "encoder": "window", "modality": "gyro"}
    alone = write_study(tmp_path / "g", shared=params)
    for seed, role in enumerate("AB"):
        signals = {"gyro": motions(np.arange(8) % 4, 10 + seed)}
        write_store(alone.role(role), signals, subjects=["p"] * 8, labels=[None] * 8, prefix=role)
    vectors = vectors_of(alone)
    np.testing.assert_allclose(studies[1], (studies[0] + 3 * vectors["A"] @ vectors["B"].T) / 4, atol=1e-5)


def test_windows_without_a_fused_modality_are_counted(tmp_path: Path) -> None:
    study = write_study(tmp_path, shared={**tiny_params()["shared"], "encoder": "statistics", "fused": {"gyro": 1.0}})
    import polars as pl

    for role in "AB":
        acc = motions(np.arange(8) % 4, 1)
        signals = {"acc": acc, "gyro": acc}
        write_store(study.role(role), signals, subjects=["p"] * 8, labels=[None] * 8, prefix=role)
    index = study.role("A") / "index.parquet"
    frame = pl.read_parquet(index)
    frame.with_columns(row_gyro=pl.when(pl.col("row_gyro") > 2).then("row_gyro")).write_parquet(index)
    fit_shared_encoder(study)
    assert embed(study).lines()[0] == "A: 5/8 windows embedded, 3 refused (lacks a fused modality)"


@given(steps=st.integers(1, 130), windows=st.integers(1, 9), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_hidden_steps_come_in_patches_of_equal_number(steps: int, windows: int, seed: int) -> None:
    hidden = hide(windows, steps, torch.Generator().manual_seed(seed))
    assert hidden.shape == (windows, steps)
    assert hidden.any(dim=1).all()
    assert steps == 1 or not hidden.all(dim=1).any()


def test_changed_copies_keep_shape_and_differ(tmp_path: Path) -> None:
    scaled = torch.from_numpy(motions(np.arange(6) % 4, 0))
    one, two = (changed(scaled, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert one.shape == scaled.shape
    assert one.isfinite().all()
    assert not torch.equal(one, two)
    assert torch.equal(one, changed(scaled, torch.Generator().manual_seed(0)))


@given(steps=st.integers(1, 40), channels=st.integers(1, 4), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_features_of_a_window_depend_on_it_alone(steps: int, channels: int, seed: int) -> None:
    windows = np.random.default_rng(seed).normal(size=(5, steps, channels)).astype(np.float32)
    whole = describe(windows)
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(describe(windows[2:3])[0], whole[2], rtol=1e-12)

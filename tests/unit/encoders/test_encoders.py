from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmbind import files
from mmbind.binding import bind
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.encoders.model import fit_model
from mmbind.encoders.registry import ENCODERS, build_encoder
from mmbind.encoders.store import EmbeddingStore
from mmbind.errors import InputError, MissingStageError
from mmbind.files import digest_folder, read_json
from mmbind.learning import loop
from mmbind.study import Study
from tests.support import tiny_params, write_store, write_study

STEPS = 32
PARTS = ("model", "embeddings")


def motions(kinds: np.ndarray, seed: int) -> np.ndarray:
    """Noisy windows around one waveform per kind, m/s2, (n, STEPS, 3)."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, STEPS)[None, :, None]
    phase = np.array([0.0, 1.0, 2.0])
    waves = 3 * np.sin(2 * np.pi * (1 + kinds)[:, None, None] * time + phase + rng.normal(0, 0.2, (len(kinds), 1, 1)))
    return (waves + np.array([0, 0, 9.8]) + rng.normal(0, 0.5, (len(kinds), STEPS, 3))).astype(np.float32)


def small_study(root: Path, *, seeds: tuple[int, int] = (1, 2), **shared: Any) -> Study:
    """A and B do the same four kinds of motion."""
    study = write_study(root, shared={**tiny_params()["shared"], **shared})
    for role, own, seed in zip("AB", ("gyro", "mag"), seeds, strict=True):
        kinds = np.arange(40) % 4
        acc = motions(kinds, seed)
        write_store(study.role(role), {"acc": acc, own: acc}, subjects=["p"] * 40, labels=[None] * 40, prefix=role)
    return study


def digests(study: Study) -> list[str]:
    return [digest_folder(study.model("shared")), digest_folder(study.embeddings(""))]


def test_learns_to_restore_and_windows_of_a_kind_find_each_other(tmp_path: Path) -> None:
    study = small_study(tmp_path, schedule={"epochs": 60, "batch": 16, "learning_rate": 3e-3})
    summary = fit_shared_encoder(study)
    losses = summary.card["losses"]["acc"]
    assert losses[-1] < 0.35 * losses[0]
    assert "A 40, B 40" in summary.lines()[0]
    assert embed(study).lines() == ["A: 40/40 windows embedded", "B: 40/40 windows embedded"]
    vectors = {}
    for role in "AB":
        store = EmbeddingStore.open(study.embeddings(role))
        kinds = np.array([i % 4 for i in range(40)])
        order = [store.ids.index(window) for window in _ids(role)]
        vectors[role] = store.vectors[order]
        assert store.vectors.shape == (40, 16)
        np.testing.assert_allclose(np.linalg.norm(store.vectors, axis=1), 1, atol=1e-6)
    assert (kinds[(vectors["A"] @ vectors["B"].T).argmax(axis=1)] == kinds).mean() > 0.8
    bind(study)


def _ids(role: str) -> list[str]:
    from mmbind.files import short_id

    return [short_id(role, i) for i in range(40)]


def test_same_bytes_from_two_runs(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        study = small_study(tmp_path / name)
        fit_shared_encoder(study)
        embed(study)
        found.append(digests(study))
        assert not list((study.root / "data" / ".work").iterdir())
    assert found[0] == found[1]


def test_the_device_of_trainings_changes_nothing(tmp_path: Path) -> None:
    found = []
    for device in ("cpu", "cuda"):
        study = small_study(tmp_path / device)
        compute = study.params.compute.model_copy(update={"device": device})
        study = Study(study.root, study.params.model_copy(update={"compute": compute}), study.data)
        fit_shared_encoder(study)
        embed(study)
        found.append(digests(study))
    assert found[0] == found[1]


def test_a_killed_fit_resumes_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = {"epochs": 12, "batch": 16}
    whole, broken = small_study(tmp_path / "whole", schedule=schedule), small_study(tmp_path / "b", schedule=schedule)
    fit_shared_encoder(whole)
    epochs: list[int] = []
    original = loop.progress

    def dies(items: Any, what: str, total: int | None = None) -> Any:
        for epoch in original(items, what, total):
            if epoch == 7 and not epochs:
                epochs.append(epoch)
                raise KeyboardInterrupt
            yield epoch

    monkeypatch.setattr(loop, "progress", dies)
    with pytest.raises(KeyboardInterrupt):
        fit_shared_encoder(broken)
    assert not broken.model("shared").exists()
    assert list((broken.root / "data" / ".work").iterdir())
    fit_shared_encoder(broken)
    assert digest_folder(broken.model("shared")) == digest_folder(whole.model("shared"))


def test_a_killed_fit_is_not_resumed_under_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = small_study(tmp_path / "study")

    def dies(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mmbind.encoders.fit.save_module", dies)
    works = []
    for version in ("one", "two"):
        package = tmp_path / version
        package.mkdir()
        (package / "code.py").write_text(version)
        monkeypatch.setattr(files, "PACKAGE", package)
        with pytest.raises(KeyboardInterrupt):
            fit_shared_encoder(study)
        works.append({path.name for path in (study.root / "data" / ".work").iterdir()})
    assert len(works[0]) == 1
    assert len(works[1]) == 2


def test_fits_of_the_same_windows_side_by_side_keep_out_of_each_others_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small_study(tmp_path / "study")
    other = dataclasses.replace(study, data=study.data / ".work" / "rotation")
    shutil.copytree(study.data / "roles", other.data / "roles")
    works: list[Path] = []

    def notes(windows: Any, recorded: Any, work: Path) -> Any:
        works.append(work)
        return fit_model(windows, recorded, work)

    monkeypatch.setattr("mmbind.encoders.fit.fit_model", notes)
    for each in (study, other):
        fit_shared_encoder(each)
    assert len(set(works)) == 2
    assert digest_folder(study.model("shared")) == digest_folder(other.model("shared"))


def test_other_seed_other_encoder(tmp_path: Path) -> None:
    cards = [fit_shared_encoder(small_study(tmp_path / str(seed), seed=seed)).card for seed in (0, 1)]
    assert cards[0]["losses"] != cards[1]["losses"]


def test_opens_the_unlabelled_roles_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = small_study(tmp_path)
    asked: set[str] = set()
    for method in ("truth", "role"):
        original = getattr(Study, method)
        monkeypatch.setattr(
            Study, method, lambda self, name, m=method, o=original: asked.add(f"{m} {name}") or o(self, name)
        )
    fit_shared_encoder(study)
    embed(study)
    assert asked == {"role A", "role B"}


def test_embeddings_of_roles_no_longer_named_are_removed(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    fit_shared_encoder(study)
    study.embeddings("gone").mkdir(parents=True)
    (study.embeddings("") / ".gitignore").touch()
    embed(study)
    assert sorted(p.name for p in study.embeddings("").iterdir()) == [".gitignore", "A", "B"]


def test_windows_without_the_shared_modality_are_counted(tmp_path: Path) -> None:
    import polars as pl

    study = small_study(tmp_path)
    index = study.role("A") / "index.parquet"
    frame = pl.read_parquet(index)
    lost = frame["window"].to_list()[3:5]
    row = pl.when(pl.col("window").is_in(lost)).then(None).otherwise(pl.col("row_acc")).alias("row_acc")
    frame.with_columns(row).write_parquet(index)
    assert fit_shared_encoder(study).card["windows"] == {"A": 38, "B": 40}
    summary = embed(study)
    assert summary.lines()[0] == "A: 38/40 windows embedded, 2 refused (lacks the shared modality)"
    counts = read_json(study.embeddings("A") / "manifest.json")["counts"]
    assert counts["windows"] == counts["embedded"] + sum(counts["refused"].values())
    assert not set(EmbeddingStore.open(study.embeddings("A")).ids) & set(lost)


def test_constant_windows_can_be_embedded(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    still = np.full((40, STEPS, 3), 9.8, dtype=np.float32)
    for role, own in (("A", "gyro"), ("B", "mag")):
        write_store(study.role(role), {"acc": still, own: still}, subjects=["p"] * 40, labels=[None] * 40, prefix=role)
    fit_shared_encoder(study)
    embed(study)
    assert bind(study).manifest["counts"]["bound"] == 80


def test_refuses_nan_naming_the_window(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    acc = motions(np.arange(6) % 4, 0)
    acc[4, 7, 1] = np.nan
    store = write_store(study.role("B"), {"acc": acc, "mag": acc}, subjects=["p"] * 6, labels=[None] * 6, prefix="B")
    bad = store.ids[int(np.flatnonzero(np.isnan(store.gather("acc")).any(axis=(1, 2)))[0])]
    with pytest.raises(InputError, match=f"window '{bad}' holds NaN"):
        fit_shared_encoder(study)


@pytest.mark.parametrize(
    ("steps", "channels", "message"), [(16, 3, "differ in steps: 32 .* 16"), (32, 2, "differ in channels")]
)
def test_refuses_windows_that_cannot_be_compared(tmp_path: Path, steps: int, channels: int, message: str) -> None:
    study = small_study(tmp_path)
    other = np.zeros((5, steps, channels), np.float32)
    write_store(study.role("B"), {"acc": other, "mag": other}, subjects=["p"] * 5, labels=[None] * 5)
    for stage in (fit_shared_encoder, embed):
        with pytest.raises(InputError, match=message):
            stage(study)


def test_stages_in_the_wrong_order_or_out_of_date(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with pytest.raises(MissingStageError, match="fit-shared"):
        embed(study)
    fit_shared_encoder(study)
    changed = write_study(tmp_path, shared={**tiny_params()["shared"], "dimensions": 8})
    with pytest.raises(InputError, match="fitted with other parameters"):
        embed(changed)
    shutil.rmtree(study.role("A"))
    with pytest.raises(MissingStageError, match="assign"):
        fit_shared_encoder(study)


@pytest.mark.parametrize("name", sorted(set(ENCODERS) - {"labels"}))
@pytest.mark.parametrize(("steps", "channels"), [(2, 1), (31, 3), (120, 6)])
def test_every_encoder_takes_every_shape(tmp_path: Path, name: str, steps: int, channels: int) -> None:
    study = write_study(tmp_path)
    signals = np.random.default_rng(0).normal(size=(9, steps, channels)).astype(np.float32)
    store = write_store(study.role("A"), {"acc": signals}, subjects=["p"] * 9, labels=[None] * 9)
    encoder = build_encoder(store.modalities["acc"], study.params.shared.model_copy(update={"encoder": name}))
    encoder.learn(signals, None)
    with torch.inference_mode():
        vectors = encoder(torch.from_numpy(signals))
    assert vectors.shape == (9, encoder.dimensions)
    assert vectors.isfinite().all()


def test_restores_windows_in_si_units(tmp_path: Path) -> None:
    study = small_study(tmp_path, schedule={"epochs": 80, "batch": 16, "learning_rate": 3e-3})
    acc = motions(np.arange(40) % 4, 1)
    spec = write_store(tmp_path / "s", {"acc": acc}, subjects=["p"] * 40, labels=[None] * 40).modalities["acc"]
    encoder = build_encoder(spec, study.params.shared)
    encoder.learn(acc, None)
    with torch.inference_mode():
        restored = encoder.restore(torch.from_numpy(acc)).numpy()  # type: ignore[operator]
    assert restored.shape == acc.shape
    assert np.abs(restored - acc).mean() < 0.4 * np.abs(acc - acc.mean(axis=(0, 1))).mean()


def test_the_training_windows_are_embedded_around_the_origin(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    acc = motions(np.arange(40) % 4, 1)
    spec = write_store(tmp_path / "s", {"acc": acc}, subjects=["p"] * 40, labels=[None] * 40).modalities["acc"]
    encoder = build_encoder(spec, study.params.shared)
    encoder.learn(acc, None)
    with torch.inference_mode():
        codes = encoder(torch.from_numpy(acc))
    assert codes.mean(dim=0).abs().max() < 1e-4 * codes.abs().max()


def test_folded_layers_encode_as_the_layers_one_by_one(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    acc = motions(np.arange(40) % 4, 1)
    spec = write_store(tmp_path / "s", {"acc": acc}, subjects=["p"] * 40, labels=[None] * 40).modalities["acc"]
    encoder = build_encoder(spec, study.params.shared)
    encoder.learn(acc, None)
    with torch.inference_mode():
        folded = encoder(torch.from_numpy(acc))
    with torch.no_grad():
        one_by_one = encoder(torch.from_numpy(acc))
    assert (folded - one_by_one).abs().max() < 1e-5 * one_by_one.abs().max()

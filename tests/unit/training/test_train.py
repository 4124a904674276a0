"""The stage train: from roles and pairs to a model, and never a look at truth or test."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from mmbind.errors import InputError, MissingStageError
from mmbind.files import digest_folder, read_json, sha256_file, write_json, write_parquet
from mmbind.schema import PAIRS
from mmbind.study import Study
from mmbind.training import train
from mmbind.training.model_file import load_model
from mmbind.training.samples import as_recorded
from mmbind.windows.store import WindowStore
from tests.support import write_store, write_study

ROLES = {"A": ("acc", "gyro"), "B": ("acc", "mag"), "target": ("acc", "gyro", "mag")}


def bound_study(root: Path, labels: list[str | None] | None = None) -> Study:
    """A study whose roles are assigned and bound, with nothing at truth and test."""
    study = write_study(root)
    generator = np.random.default_rng(0)
    stores = {}
    for role, modalities in ROLES.items():
        signals = {name: generator.normal(size=(12, 32, 3)).astype(np.float32) for name in modalities}
        known = (labels or ["walk", "sit"] * 6) if role == "target" else [None] * 12
        stores[role] = write_store(study.role(role), signals, subjects=[role] * 12, labels=known, prefix=role)
    rows = [
        {
            "anchor": anchor,
            "anchor_source": "s",
            "partner": partner,
            "partner_source": "s",
            "shared_modality": "acc",
            "borrowed_modality": borrowed,
            "similarity": 0.8,
            "rank": 0,
            "margin": 0.1,
            "mutual": True,
            "weight": 0.75,
        }
        for own, other, borrowed in (("A", "B", "mag"), ("B", "A", "gyro"))
        for anchor, partner in zip(stores[own].ids, stores[other].ids, strict=True)
    ]
    write_parquet(study.bindings / "pairs.parquet", pl.DataFrame(rows, schema=PAIRS))
    write_json(study.bindings / "manifest.json", {"id": "0123456789abcdef"})
    return study


def outputs(study: Study) -> list[str]:
    return [digest_folder(study.data / name) for name in ("models", "metrics", "plots")]


def test_it_writes_model_card_metrics_and_curve(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    summary = train(study)
    card = read_json(study.model("multimodal") / "card.json")
    assert card["binding"] == "0123456789abcdef"
    assert card["classes"] == ["sit", "walk"]
    assert list(card["modalities"]) == ["acc", "gyro", "mag"]
    metrics = read_json(study.metrics("train"))
    assert card["metrics"] == metrics
    assert card["training"]["pretrain"]["epochs"] == 2
    assert set(card["inputs"]) == {"A", "B", "bindings", "target"}
    assert len(card["data"]) == len(card["weights"]["sha256"]) == 64
    assert (metrics["pseudo_pairs"], metrics["labels"], metrics["classes"]) == (24, 12, 2)
    assert metrics["mean_weight"] == pytest.approx(0.75)
    curve = pl.read_csv(study.plots("training"))
    assert curve.columns == ["phase", "epoch", "loss"]
    assert curve["phase"].to_list() == ["pretrain"] * 2 + ["teacher"] * 2 + ["student"] * 4
    assert curve["loss"][-1] == metrics["student_loss"]
    assert "24 pseudo pairs (mean weight 0.75) and 12 labels of 2 classes" in summary.lines()[0]
    target = WindowStore.open(study.role("target"), stage="assign")
    assert load_model(study.model("multimodal")).predict(as_recorded([target])).shape == (12, 2)


@pytest.mark.parametrize(
    ("contrast", "propagate", "phases"),
    [
        ("views", False, ["pretrain", "finetune"]),
        ("graph", False, ["pretrain", "finetune"]),
        ("views", True, ["pretrain", "teacher", "student"]),
        ("windows", True, ["pretrain", "teacher", "student"]),
    ],
)
def test_every_step_of_the_recipe_is_a_switch(
    tmp_path: Path, contrast: str, propagate: bool, phases: list[str]
) -> None:
    study = bound_study(tmp_path / "study")
    values = yaml.safe_load((study.root / "params.yaml").read_text())
    values["training"] |= {"contrast": contrast, "propagate": propagate}
    (study.root / "params.yaml").write_text(yaml.safe_dump(values))
    train(Study.load(study.root))
    assert pl.read_csv(study.plots("training"))["phase"].unique(maintain_order=True).to_list() == phases


@pytest.mark.parametrize(("contrast", "matters"), [("windows", False), ("graph", True)])
def test_without_a_binding_the_pairs_do_not_matter(tmp_path: Path, contrast: str, matters: bool) -> None:
    weights = set()
    for name in ("one", "other"):
        study = bound_study(tmp_path / name)
        values = yaml.safe_load((study.root / "params.yaml").read_text())
        values["training"] |= {"contrast": contrast, "propagation": {"binding": False}}
        (study.root / "params.yaml").write_text(yaml.safe_dump(values))
        pairs = pl.read_parquet(study.bindings / "pairs.parquet")
        if name == "other":
            pairs = pairs.with_columns(pl.col("partner").reverse().over("borrowed_modality"))
            write_parquet(study.bindings / "pairs.parquet", pairs)
        train(Study.load(study.root))
        weights.add(sha256_file(study.model("multimodal") / "model.safetensors"))
    assert len(weights) == (2 if matters else 1)


@pytest.mark.parametrize("kind", ["cnn", "cnn_gru", "transformer"])
def test_the_kind_of_encoder_is_configuration(tmp_path: Path, kind: str) -> None:
    study = bound_study(tmp_path / "study")
    values = yaml.safe_load((study.root / "params.yaml").read_text())
    values["training"]["network"]["kind"] = kind
    (study.root / "params.yaml").write_text(yaml.safe_dump(values))
    train(Study.load(study.root))
    assert read_json(study.model("multimodal") / "card.json")["network"]["kind"] == kind
    target = WindowStore.open(study.role("target"), stage="assign")
    assert load_model(study.model("multimodal")).predict(as_recorded([target])).shape == (12, 2)


def test_two_runs_in_two_places_give_the_same_bytes_and_leave_no_checkpoint(tmp_path: Path) -> None:
    first, second = bound_study(tmp_path / "one"), bound_study(tmp_path / "elsewhere" / "two")
    train(first)
    train(second)
    once = outputs(first)
    train(first)
    assert outputs(first) == outputs(second) == once
    assert not any((first.root / "data" / ".work").iterdir())


def test_truth_and_test_are_never_opened(tmp_path: Path) -> None:
    without, poisoned = bound_study(tmp_path / "without"), bound_study(tmp_path / "poisoned")
    for forbidden in (poisoned.role("test"), poisoned.truth("A"), poisoned.truth("target"), poisoned.truth("test")):
        forbidden.mkdir(parents=True)
        for name in ("index.parquet", "manifest.json"):
            (forbidden / name).write_text("must not be read")
    train(without)
    train(poisoned)
    assert outputs(poisoned) == outputs(without)


@pytest.mark.parametrize("missing", ["roles", "bindings"])
def test_a_missing_stage_is_named(tmp_path: Path, missing: str) -> None:
    study = bound_study(tmp_path / "study")
    shutil.rmtree(study.data / missing)
    with pytest.raises(MissingStageError, match="assign" if missing == "roles" else "bind"):
        train(study)


def test_stale_pairs_leave_the_old_model(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    train(study)
    before = outputs(study)
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    write_parquet(study.bindings / "pairs.parquet", pairs.with_columns(pl.lit("gone").alias("partner")))
    with pytest.raises(InputError, match=r"'gone', which no role \(A, B\) holds.*dvc repro bind"):
        train(study)
    assert outputs(study) == before


@pytest.mark.parametrize(("labels", "message"), [([None] * 12, "has a label"), (["walk"] * 12, "two classes")])
def test_too_few_labels_are_refused(tmp_path: Path, labels: list[str | None], message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(bound_study(tmp_path / "study", labels))

"""What each method pre-trains on, and what it never opens."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest
import torch

from mmbind.config import MethodName
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods import METHODS
from mmbind.evaluation.methods.oracle import same_class_pairs
from mmbind.study import Study
from tests.support import write_store
from tests.unit.evaluation.studied import CLASSES, PER_CLASS, write_studied

WINDOWS = len(CLASSES) * (PER_CLASS["A"] + PER_CLASS["B"])


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return write_studied(tmp_path / "study")


def test_every_method_of_the_configuration_is_there(study: Study) -> None:
    assert list(METHODS) == list(get_args(MethodName))
    assert all(METHODS[name].name == name for name in METHODS)


def test_methods_pretrain_on_as_many_samples(study: Study) -> None:
    inputs = Inputs(study, 0)
    assert METHODS["lower"].unlabelled(inputs) is None
    counts = {name: len(METHODS[name].unlabelled(inputs).windows) for name in METHODS if name != "lower"}
    assert counts == dict.fromkeys([name for name in METHODS if name != "lower"], WINDOWS)


def test_views_that_each_method_shows(study: Study) -> None:
    inputs = Inputs(study, 0)

    def views(name: str) -> dict[str, int]:
        samples = METHODS[name].unlabelled(inputs)
        return {modality: int((rows >= 0).sum()) for modality, rows in samples.rows.items()}

    of_a, of_b = len(CLASSES) * PER_CLASS["A"], len(CLASSES) * PER_CLASS["B"]
    assert views("mim") == {"acc": WINDOWS, "gyro": of_a, "mag": of_b}
    assert views("mmbind") == views("oracle") == views("mim")
    assert views("upper") == {"acc": WINDOWS, "gyro": WINDOWS, "mag": WINDOWS}


def test_upper_joins_shown_and_masked_signals_of_the_same_window(study: Study) -> None:
    inputs = Inputs(study, 0)
    samples = METHODS["upper"].unlabelled(inputs)
    for role, store in inputs.unlabelled.items():
        for modality in ("acc", "gyro", "mag"):
            holder = store if modality in store.modalities else inputs.truth(role)
            for window in (store.ids[0], store.ids[-1]):
                row = int(samples.rows[modality][samples.windows.index(window)])
                expected = holder.gather(modality, holder.positions([window]))[0]
                np.testing.assert_array_equal(samples.signals[modality][torch.tensor([row])][0].numpy(), expected)
    assert bool((samples.weights == 1).all())


def test_oracle_draws_partners_of_the_same_class_by_seed(study: Study) -> None:
    pairs = same_class_pairs(Inputs(study, 0))
    label = {
        window: name
        for role in ("A", "B")
        for window, name in zip(*(Inputs(study, 0).truth(role).index[c] for c in ("window", "label")), strict=True)
    }
    assert pairs.height == WINDOWS
    assert all(label[anchor] == label[partner] for anchor, partner in pairs.select("anchor", "partner").iter_rows())
    assert pairs["weight"].unique().to_list() == [1.0]
    assert pairs.equals(same_class_pairs(Inputs(study, 0)))
    assert not pairs.equals(same_class_pairs(Inputs(study, 1)))


def test_oracle_has_as_many_partners_as_the_binding(tmp_path: Path) -> None:
    study = write_studied(tmp_path, binding={"partners": 4})
    pairs = same_class_pairs(Inputs(study, 0))
    assert pairs.group_by("anchor").len()["len"].unique().to_list() == [4]
    assert pairs.select("anchor", "partner").is_unique().all()
    assert pairs.filter(pl.col("borrowed_modality") == "gyro")["rank"].unique().sort().to_list() == [1, 2, 3, 4]


def test_controls_say_what_the_study_lacks(study: Study) -> None:
    for role in ("A", "B"):
        count = len(Inputs(study, 0).unlabelled[role])
        write_store(study.truth(role), {}, subjects=["x"] * count, labels=[None] * count, prefix=role)
    assert "no modality beyond" in METHODS["upper"].unavailable(Inputs(study, 0))
    assert "true labels" in METHODS["oracle"].unavailable(Inputs(study, 0))

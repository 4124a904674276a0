from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.binding import bind
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.roles import assign_roles
from mmbind.study import Study
from mmbind.training import train
from mmbind.windows.store import WindowStore
from tests.support_truth import assert_never_opens, closed_to_training, moved_away, opened_under
from tests.unit.roles.people import people


@pytest.fixture
def study(tmp_path: Path) -> Study:
    study = people(tmp_path)
    assign_roles(study)
    return study


def test_no_stage_up_to_train_opens_truth_or_test(study: Study) -> None:
    stages: list[tuple[Callable[[Study], object], list[Path]]] = [
        (fit_shared_encoder, [study.model("shared")]),
        (embed, [study.embeddings(name) for name in study.params.unlabelled_roles]),
        (bind, [study.bindings]),
        (train, [study.model("multimodal"), study.metrics("train"), study.plots("training")]),
    ]
    for stage, outputs in stages:
        assert_never_opens(stage, study, outputs=outputs)


def _honest(study: Study) -> None:
    role = WindowStore.open(study.role("A"), stage="assign")
    (study.data / "out.npy").write_bytes(role.gather("acc").tobytes())


def _maps_truth(study: Study) -> None:
    np.load(next((study.truth("A") / "mag").iterdir()), mmap_mode="r")
    _honest(study)


def _reads_truth_in_rust(study: Study) -> None:
    pl.read_parquet(study.truth("A") / "index.parquet")
    _honest(study)


def _reads_test_where_there_is_one(study: Study) -> None:
    path = study.role("test") / "index.parquet"
    seen = len(pl.read_parquet(path)) if path.exists() else 0
    (study.data / "out.npy").write_bytes(b"x" * seen)


def test_an_honest_stage_passes_and_everything_is_back_in_its_place(study: Study) -> None:
    assert_never_opens(_honest, study, outputs=[study.data / "out.npy"])
    assert all(folder.is_dir() for folder in closed_to_training(study))
    assert not list(study.root.glob(".moved_away"))


@pytest.mark.parametrize(
    ("stage", "caught"),
    [
        (_maps_truth, AssertionError),
        (_reads_truth_in_rust, FileNotFoundError),
        (_reads_test_where_there_is_one, AssertionError),
    ],
)
def test_a_stage_that_peeps_is_caught(study: Study, stage: Callable[[Study], None], caught: type[Exception]) -> None:
    with pytest.raises(caught):
        assert_never_opens(stage, study, outputs=[study.data / "out.npy"])
    assert all(folder.is_dir() for folder in closed_to_training(study))


def test_an_empty_folder_proves_nothing(study: Study) -> None:
    shutil.rmtree(study.truth("A").parent)
    study.truth("A").parent.mkdir()
    with pytest.raises(AssertionError, match="void"):
        assert_never_opens(_honest, study, outputs=[study.data / "out.npy"])


def test_watching_ends_with_the_block(study: Study) -> None:
    path = study.truth("A") / "manifest.json"
    with opened_under(study.truth("A")) as opened:
        path.read_text()
    path.read_text()
    assert opened == [path.absolute().as_posix()]


def test_folders_come_back_after_a_failure(study: Study) -> None:
    with pytest.raises(ZeroDivisionError), moved_away(study.truth("A"), aside=study.root / ".away"):
        raise ZeroDivisionError
    assert study.truth("A").is_dir()

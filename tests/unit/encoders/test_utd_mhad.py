"""The figure that the paper's pairing must reach on real recordings."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.io

from mmbind.binding import bind
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.encoders.store import EmbeddingStore
from mmbind.study import Study
from mmbind.units import GRAVITY
from tests.support import ROOT, raw_archives, write_store, write_study

NAME = re.compile(r"Inertial/a(\d+)_s(\d+)_t(\d+)_inertial\.mat$")
STEPS = 120


def accelerations(archive: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Whole trials on a grid of 120 steps, their subjects and actions."""
    windows, subjects, actions = [], [], []
    with tarfile.open(archive) as packed:
        for member in packed:
            match = NAME.search(member.name)
            stream = packed.extractfile(member) if match else None
            if match is None or stream is None:
                continue
            trial = scipy.io.loadmat(io.BytesIO(stream.read()))["d_iner"][:, :3] * GRAVITY
            grid = np.linspace(0, len(trial) - 1, STEPS)
            windows.append(np.stack([np.interp(grid, np.arange(len(trial)), trial[:, c]) for c in range(3)], axis=1))
            subjects.append(match[2])
            actions.append(match[1])
    return np.array(windows, dtype=np.float32), np.array(subjects), actions


@pytest.mark.real
def test_pairs_of_utd_mhad_are_of_one_action(tmp_path: Path) -> None:
    windows, subjects, actions = accelerations(raw_archives() / "utd_mhad.tar.xz")
    shared = Study.load(ROOT / "studies" / "utd_mhad").params.shared
    study = write_study(tmp_path, shared=shared.model_dump())
    truth: dict[str, str] = {}
    for role, people, own in (("A", ["1", "2"], "gyro"), ("B", ["3", "4"], "mag")):
        rows = np.flatnonzero(np.isin(subjects, people))
        labels = [actions[row] for row in rows]
        signals = {"acc": windows[rows], own: windows[rows]}
        labelled = write_store(tmp_path / role, signals, subjects=["p"] * len(rows), labels=labels, prefix=role)
        truth |= dict(labelled.index.select("window", "label").iter_rows())
        write_store(study.role(role), signals, subjects=["p"] * len(rows), labels=[None] * len(rows), prefix=role)
    fit_shared_encoder(study)
    embed(study)
    bind(study)
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    right = [truth[anchor] == truth[partner] for anchor, partner in pairs.select("anchor", "partner").iter_rows()]
    assert np.mean(right) >= 0.68


@pytest.mark.real
@pytest.mark.parametrize(
    ("encoder", "representation", "bound"),
    [("statistics", "raw", 0.70), ("statistics", "gravity_aligned", 0.57), ("window", "z_scored", 0.60)],
)
def test_cheap_encoders_find_partners_of_one_action(
    tmp_path: Path, encoder: str, representation: str, bound: float
) -> None:
    windows, subjects, actions = accelerations(raw_archives() / "utd_mhad.tar.xz")
    study = write_study(tmp_path, shared={"modality": "acc", "encoder": encoder, "representation": representation})
    labels: dict[str, np.ndarray] = {}
    for role, people, own in (("A", ["1", "2"], "gyro"), ("B", ["3", "4"], "mag")):
        rows = np.flatnonzero(np.isin(subjects, people))
        signals = {"acc": windows[rows], own: windows[rows]}
        known = [actions[row] for row in rows]
        truth = write_store(tmp_path / role, signals, subjects=["p"] * len(rows), labels=known, prefix=role)
        labels[role] = truth.index["label"].to_numpy()
        write_store(study.role(role), signals, subjects=["p"] * len(rows), labels=[None] * len(rows), prefix=role)
    fit_shared_encoder(study)
    embed(study)
    vectors = {role: EmbeddingStore.open(study.embeddings(role)).vectors for role in "AB"}
    similarity = vectors["A"] @ vectors["B"].T
    there = (labels["A"] == labels["B"][similarity.argmax(axis=1)]).mean()
    back = (labels["B"] == labels["A"][similarity.argmax(axis=0)]).mean()
    assert (there + back) / 2 >= bound

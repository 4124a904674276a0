"""The real study, from its archive to its roles."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmbind.roles import assign_roles
from mmbind.sources import fetch_archives, ingest
from mmbind.study import Study
from mmbind.windows import cut_windows
from mmbind.windows.store import WindowStore
from tests.support import ROOT, raw_archives

SOURCE = "utd_mhad"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """UTD-MHAD, fetched, ingested and windowed."""
    archives, root = raw_archives(), tmp_path_factory.mktemp("utd")
    params = yaml.safe_load((ROOT / "studies" / SOURCE / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump({**params, "house": str(ROOT)}))
    opened = Study.load(root)
    fetch_archives(opened, archives)
    ingest(opened, SOURCE)
    shutil.rmtree(opened.raw(SOURCE))
    cut_windows(opened, SOURCE)
    return opened


@pytest.mark.real
def test_every_trial_is_one_window_of_the_stated_steps(study: Study) -> None:
    store = WindowStore.open(study.windows(SOURCE), stage="window")
    assert len(store) == 861
    shapes = {name: store.gather(name).shape for name in store.modalities}
    assert shapes == {"acc": (861, 120, 3), "gyro": (861, 120, 3), "skeleton": (861, 40, 60)}
    assert store.index["label"].n_unique() == 27
    assert store.index["label"].null_count() == 0
    magnitude = np.linalg.norm(store.gather("acc"), axis=2).mean()
    assert 9.0 < magnitude < 12.0  # gravity, in m/s2


@pytest.mark.real
def test_every_rotation_masks_its_roles_and_draws_two_labels_per_class(study: Study, tmp_path: Path) -> None:
    tested = []
    for rotation in study.params.rotations:
        roles = {
            name: role.model_copy(update={"subjects": rotation.subjects[name]})
            for name, role in study.params.roles.items()
        }
        summary = assign_roles(study.rotated(roles, tmp_path / rotation.name))
        shown = {role.name: (role.shown, role.hidden) for role in summary.roles}
        everything = ["acc", "gyro", "skeleton"]
        assert shown == {
            "A": (["acc", "skeleton"], ["gyro"]),
            "B": (["acc", "gyro"], ["skeleton"]),
            "target": (everything, []),
            "test": (everything, []),
        }
        labels = {role.name: role.labels for role in summary.roles}
        assert set(labels["target"].values()) == {2}
        assert len(labels["target"]) == 27
        assert sum(role.windows for role in summary.roles) == 861
        tested += WindowStore.open(tmp_path / rotation.name / "roles" / "test", stage="assign").ids
    assert len(set(tested)) == 861

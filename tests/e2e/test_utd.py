"""UTD-MHAD as its authors published it, from the archive to the pairs."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from mmbind.files import digest_folder
from tests.e2e.support import clone, command
from tests.support import raw_archives

pytestmark = [pytest.mark.slow, pytest.mark.real]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archives = raw_archives()
    study = clone(tmp_path_factory.mktemp("utd") / "project") / "studies/utd_mhad"
    command(["mmbind", "fetch", "--from", str(archives)], study)
    command(["dvc", "repro", "bind"], study)
    return study


def test_every_trial_is_read_and_windowed(study: Path) -> None:
    manifest = json.loads((study / "data/records/utd_mhad/manifest.json").read_text())
    assert len(manifest["files"]) == 2 * 861
    windows = pl.read_parquet(study / "data/windows/utd_mhad/index.parquet")
    assert windows.height == 861
    assert windows["label"].n_unique() == 27
    assert windows["subject"].n_unique() == 8


def test_roles_show_what_the_experiment_says(study: Path) -> None:
    shown = {}
    for role in ("A", "B", "target", "test"):
        index = pl.read_parquet(study / f"data/roles/{role}/index.parquet")
        modalities = json.loads((study / f"data/roles/{role}/manifest.json").read_text())["modalities"]
        shown[role] = (sorted(modalities), sorted(index["subject"].unique()), index["label"].count())
    assert shown == {
        "A": (["acc", "skeleton"], ["1", "2"], 0),
        "B": (["acc", "gyro"], ["3", "4"], 0),
        "target": (["acc", "gyro", "skeleton"], ["5", "6"], 54),
        "test": (["acc", "gyro", "skeleton"], ["7", "8"], 0),
    }


def test_most_pairs_show_the_same_action(study: Path) -> None:
    pairs = pl.read_parquet(study / "data/bindings/pairs.parquet")
    truth = pl.concat(
        [pl.read_parquet(study / f"data/truth/{role}/index.parquet", columns=["window", "label"]) for role in "AB"]
    )
    label = dict(truth.select("window", "label").iter_rows())
    right = [label[a] == label[b] for a, b in pairs.select("anchor", "partner").iter_rows()]
    assert sum(right) / len(right) > 0.6  # chance is 0.04; the study's figure is reported, not asserted


def test_bind_and_what_leads_to_it_never_open_what_is_masked(study: Path) -> None:
    """With truth and the test people gone, the same bytes come out."""
    before = {name: digest_folder(study / "data" / name) for name in ("embeddings", "bindings")}
    for hidden in ("truth", "roles/test", "windows", "records", "raw"):
        shutil.move(study / "data" / hidden, study.parent / hidden.replace("/", "_"))
    command(["flows.embed"], study)
    command(["flows.bind"], study)
    assert {name: digest_folder(study / "data" / name) for name in before} == before

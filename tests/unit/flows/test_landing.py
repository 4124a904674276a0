"""Landing: finished files only, replaced ones kept as versions, unknown folders refused."""

import os
import time
from pathlib import Path

import pytest
import yaml

from flows.dvc_cli import dvc
from flows.landing import is_finished, land
from mmbind.errors import InputError
from mmbind.study import Study
from tests.support import write_study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    study = write_study(tmp_path)
    dvc(["init", "--no-scm", "--quiet"], tmp_path)
    return study


def _drop(study: Study, name: str, text: str, age_s: float = 100.0) -> Path:
    path = study.root / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def test_a_finished_file_becomes_tracked_raw_data(study: Study) -> None:
    _drop(study, "s/p1/x.csv", "one")
    landing = land(study, still_s=10)
    assert landing.landed == ["s/p1/x.csv"]
    assert (study.raw("s") / "p1" / "x.csv").read_text() == "one"
    assert not (study.root / "inbox/s/p1/x.csv").exists()
    tracked = yaml.safe_load((study.root / "data/raw/s.dvc").read_text())
    assert tracked["outs"][0]["nfiles"] == 1


def test_unfinished_files_stay(study: Study) -> None:
    _drop(study, "s/whole.csv", "x")
    for name in ("s/a.csv.part", "s/b.tmp", "s/.hidden.csv", "s/.partial/c.csv"):
        _drop(study, name, "x")
    young = study.root / "inbox/s/young.csv"
    young.write_text("still being written")
    landing = land(study, still_s=3600)
    assert landing.landed == ["s/whole.csv"]
    assert landing.waiting == ["s/young.csv"]
    assert sorted(path.name for path in study.raw("s").rglob("*")) == ["whole.csv"]


def test_a_file_renamed_into_place_counts_at_once(tmp_path: Path) -> None:
    part = tmp_path / "x.csv.part"
    part.write_text("whole")
    assert not is_finished(part, 3600, time.time())
    time.sleep(0.02)
    part.rename(tmp_path / "x.csv")
    assert is_finished(tmp_path / "x.csv", 3600, time.time())


def test_the_same_file_again_is_known_and_a_changed_one_replaces(study: Study) -> None:
    _drop(study, "s/x.csv", "one")
    land(study, still_s=10)
    first = (study.root / "data/raw/s.dvc").read_bytes()
    _drop(study, "s/x.csv", "one")
    assert land(study, still_s=10).known == ["s/x.csv"]
    assert (study.root / "data/raw/s.dvc").read_bytes() == first
    _drop(study, "s/x.csv", "one, longer")
    assert land(study, still_s=10).replaced == ["s/x.csv"]
    assert (study.raw("s") / "x.csv").read_text() == "one, longer"
    assert (study.root / "data/raw/s.dvc").read_bytes() != first
    (study.root / "data/raw/s.dvc").write_bytes(first)  # the version before can be had again
    dvc(["checkout", "--force", "data/raw/s.dvc"], study.root)
    assert (study.raw("s") / "x.csv").read_text() == "one"


def test_a_folder_that_is_no_source_is_refused_with_the_nearest_name(study: Study) -> None:
    _drop(study, "S1/x.csv", "x")
    with pytest.raises(InputError, match=r"names no source 'S1'.*Known: s"):
        land(study, still_s=10)
    assert (study.root / "inbox/S1/x.csv").exists()


def test_no_raw_files_at_all_says_where_to_put_them(study: Study) -> None:
    with pytest.raises(InputError, match="Put them into inbox/<source>/"):
        land(study, still_s=10)

"""A run commits what names its version, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from flows import history
from flows.dvc_cli import dvc
from mmbind.errors import InputError


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "study"
    root.mkdir()
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    dvc(["init", "--quiet"], root)
    (root / "data/raw").mkdir(parents=True)
    (root / "data/raw/s").mkdir()
    (root / "data/raw/s/x.csv").write_text("one")
    dvc(["add", "--quiet", "data/raw/s"], root)
    (root / "dvc.lock").write_text("one")
    (root / "params.yaml").write_text("edited by somebody")
    return root


def test_only_what_names_the_version_is_committed(repository: Path) -> None:
    revision = history.commit(repository, "Pipeline run: binding 1")
    assert revision is not None
    shown = history.git(["show", "--name-only", "--format=%s", revision], repository).split("\n")
    assert [line for line in shown if line] == ["Pipeline run: binding 1", "data/raw/s.dvc", "dvc.lock"]
    assert "params.yaml" in history.git(["status", "--short"], repository)
    assert history.commit(repository, "again") is None


def test_without_git_the_way_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Set commit to false"):
        history.commit(tmp_path, "x")


def test_versions_are_pushed_to_the_default_remote_and_can_be_forgotten(repository: Path, tmp_path: Path) -> None:
    assert history.push(repository) is False
    dvc(["remote", "add", "--default", "store", str(tmp_path / "store")], repository)
    assert history.push(repository) is True
    assert list((tmp_path / "store").rglob("*.dir"))
    history.commit(repository, "first")
    (repository / "data/raw/s/x.csv").unlink()
    (repository / "data/raw/s/x.csv").write_text("two")
    dvc(["add", "--quiet", "data/raw/s"], repository)
    history.commit(repository, "second")
    before = len(list((repository / ".dvc/cache").rglob("*.dir")))
    history.forget(repository, 1)
    assert (before, len(list((repository / ".dvc/cache").rglob("*.dir")))) == (2, 1)

"""Versions of the past, found through git and DVC's cache without checking anything out."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from flows.bindings import bindings
from flows.dvc_cli import dvc
from flows.history import git
from flows.versions import find_version, history
from mmbind.errors import InputError
from mmbind.files import digest_folder
from mmbind.study import Study
from mmbind.versions import diff_versions
from mmbind.versions.diff import PairChanges
from tests.support import write_study
from tests.unit.versions.bindings import manifest_of, write_binding

FIRST, SECOND = {"a1": "b1", "a2": "b2"}, {"a1": "b1", "a2": "b3", "a3": "b3"}


def _commit(study: Study, message: str) -> None:
    dvc(["commit", "--quiet", "--force", "bind"], study.root)
    git(["add", "--all"], study.root)
    git(["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", message], study.root)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two versions: the first committed two revisions ago, the second in the last one."""
    root = tmp_path_factory.mktemp("history") / "study"
    study = write_study(root)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    dvc(["init", "--quiet"], root)
    out = {"cmd": "true", "outs": ["data/bindings"]}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"bind": out}}))
    write_binding(study, manifest_of("1", mutual=0.5), FIRST, purity=0.8)
    _commit(study, "first")
    (root / "notes.txt").write_text("nothing about pairs")
    _commit(study, "between")
    write_binding(study, manifest_of("2", mutual=0.6), SECOND, purity=0.9)
    _commit(study, "second")
    return study


def test_a_version_is_found_by_revision_id_and_name(study: Study) -> None:
    before = digest_folder(study.bindings)
    for name in ("HEAD~1", "HEAD~2", "1111"):
        version = find_version(study, name)
        assert version.id == "1" * 64
        assert version.pairs()["partner"].to_list() == ["b1", "b2"]
        assert version.figures["purity.mean"] == 0.8
    assert find_version(study, "HEAD").id == find_version(study, "current").id == "2" * 64
    diff = diff_versions(find_version(study, "HEAD~1"), find_version(study, "current"))
    assert diff.pairs == PairChanges(stayed=1, moved=1, came=1, went=0)
    assert diff.figures["quality.mutual"] == (0.5, 0.6)
    assert digest_folder(study.bindings) == before


def test_history_names_each_change_of_the_binding_once(study: Study) -> None:
    past = list(history(study))
    assert [entry.version.id[0] for entry in past if entry.version] == ["2", "1"]
    assert git(["log", "-1", "--format=%s", past[1].revision], study.root).strip() == "first"


def test_what_cannot_be_found_is_told(study: Study) -> None:
    with pytest.raises(InputError, match=r"No version, tag or revision is called 'curent'.*'current'"):
        find_version(study, "curent")
    with pytest.raises(InputError, match="No version"):
        find_version(study, "--help")


def test_commands_list_name_and_compare(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.root)
    run = CliRunner()

    def told(*arguments: str) -> str:
        done = run.invoke(bindings, list(arguments), catch_exceptions=False, env={"COLUMNS": "200"})
        assert done.exit_code == 0, done.output
        return done.output

    assert "is baseline now" in told("tag", "baseline", "HEAD~1")
    assert "is accepted now" in told("accept", "baseline")
    listed = told("list")
    assert "accepted, baseline" in listed
    assert listed.count("111111111111") == 1
    assert "1 stayed, 1 moved, 1 came, 0 went" in told("diff", "baseline")
    assert json.loads(told("diff", "accepted", "current", "--json"))["pairs"]["moved"] == 1
    assert "params" in json.loads(told("show", "1111", "--json"))
    assert "quality.mutual" in told("show", "accepted")
    assert "not worse" in told("check")


def test_a_version_whose_data_is_gone_says_how_to_fetch_it(study: Study, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(study.root), str(clone)], check=True)
    other = Study.load(clone)
    with pytest.raises(InputError, match="dvc fetch"):
        find_version(other, "HEAD")
    assert [past.version for past in history(other)] == [None, None]


def test_versions_of_a_remote_are_compared_once_they_are_fetched(study: Study, tmp_path: Path) -> None:
    """A clone has no binding at all: first told what to fetch, then compared, with nothing checked out."""
    remote, clone = tmp_path / "remote", tmp_path / "clone"
    dvc(["remote", "add", "--local", "--default", "--force", "far", str(remote)], study.root)
    dvc(["push", "--quiet", "--all-commits"], study.root)
    subprocess.run(["git", "clone", "--quiet", str(study.root), str(clone)], check=True)
    dvc(["remote", "add", "--local", "--default", "far", str(remote)], clone)
    run = CliRunner()

    def diff() -> Result:
        return run.invoke(bindings, ["diff", "HEAD~1", "HEAD", "--study", str(clone)])

    refused = diff()
    assert isinstance(refused.exception, InputError)
    assert re.search(r"the revision 'HEAD~1' cannot be had.*dvc fetch --all-commits", str(refused.exception))
    dvc(["fetch", "--quiet", "--all-commits"], clone)
    done = diff()
    assert done.exit_code == 0, done.output
    assert "1 stayed, 1 moved, 1 came, 0 went" in done.output
    assert not (clone / "data" / "bindings").exists()
    for path in (clone / ".dvc" / "cache").rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"PAR1":
            path.unlink()
    told = " ".join(diff().output.split())
    assert re.search(r"pairs of .*HEAD~1.* are not in the cache.*dvc fetch --all-commits", told)
    assert "quality.mutual" in told
    for path in (clone / ".dvc" / "cache").rglob("*"):
        if path.is_file() and path.suffix != ".dir":
            path.unlink()
    refused = diff()
    assert isinstance(refused.exception, InputError)
    assert re.search(r"does not hold its manifest.json.*dvc fetch --all-commits", str(refused.exception))

"""``mmbind init``: a study of one's own, renewed without touching what its owner wrote."""

from pathlib import Path

import pytest
import yaml

from mmbind.cli.new_study import outside, write_study
from mmbind.config import load_params
from mmbind.errors import InputError
from tests.support import ROOT


def test_a_new_study_is_valid_and_depends_on_the_version(tmp_path: Path) -> None:
    write_study(tmp_path / "mine")
    load_params(tmp_path / "mine/params.yaml")
    pipeline = yaml.safe_load((tmp_path / "mine/dvc.yaml").read_text())
    ours = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    assert list(pipeline["stages"]) == list(ours["stages"])
    for stage in pipeline["stages"].values():
        deps = stage.get("do", stage)["deps"]
        assert deps.count("mmbind.version") == 1
        assert not any("house}/mmbind" in dep for dep in deps)
    suites = sorted(path.name for path in (ROOT / "expectations").glob("*.json"))
    assert sorted(path.name for path in (tmp_path / "mine/expectations").iterdir()) == suites


def test_renewing_keeps_what_the_owner_wrote(tmp_path: Path) -> None:
    write_study(tmp_path)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "params.yaml").write_text("mine")
    (tmp_path / "expectations/records.json").write_text("mine")
    (tmp_path / "dvc.yaml").write_text("old")
    write_study(tmp_path)
    changed = {path.name for path, content in first.items() if path.read_bytes() != content}
    assert changed == {"params.yaml", "records.json"}


def test_the_own_repository_is_refused() -> None:
    with pytest.raises(InputError, match="own repository"):
        write_study(ROOT)
    with pytest.raises(InputError, match="own repository"):
        write_study(ROOT / "studies/utd_mhad")


def test_code_dependencies_become_one_version_file() -> None:
    text = "deps:\n  - ${house}/mmbind/a\n  - ${house}/mmbind/b.py\n  - ${house}/expectations\n  - data/x\n"
    assert outside(text) == "deps:\n  - mmbind.version\n  - ${house}/expectations\n  - data/x\n"

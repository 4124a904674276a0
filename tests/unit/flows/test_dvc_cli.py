"""A stage's failure reaches the caller with the door's own words and status."""

import os
from pathlib import Path

import pytest

from flows.dvc_cli import DvcError, StageError, child_environment, dvc, find_root, reproduce
from mmbind.errors import InputError

PIPELINE = """
stages:
  refused:
    cmd: 'echo "error: refused: x.csv:3: no number." >&2; exit 2'
  gate:
    cmd: 'echo "error: gate: too few." >&2; exit 1'
  killed:
    cmd: kill -9 $$
  asks:
    cmd: env > seen
    outs: [seen]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    dvc(["init", "--no-scm", "--quiet"], tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    return tmp_path


@pytest.mark.parametrize(
    ("stage", "status", "exit_code", "transient", "message"),
    [
        ("refused", 2, 2, False, "refused: x.csv:3: no number."),
        ("gate", 1, 1, False, "gate: too few."),
        ("killed", -9, 1, True, "failed to reproduce"),
    ],
)
def test_failures(repository: Path, stage: str, status: int, exit_code: int, transient: bool, message: str) -> None:
    with pytest.raises(StageError) as caught:
        reproduce(stage, repository)
    assert (caught.value.status, caught.value.exit_code, caught.value.transient) == (status, exit_code, transient)
    assert message in str(caught.value)


def test_children_see_nothing_of_prefect(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    reproduce("asks", repository)
    assert "PREFECT" not in (repository / "seen").read_text()
    assert not any(name.startswith("PREFECT") for name in child_environment())
    assert os.environ["PREFECT_API_URL"]


def test_an_unknown_stage_is_dvcs_own_error(repository: Path) -> None:
    with pytest.raises(StageError, match="nonsense") as caught:
        reproduce("nonsense", repository)
    assert caught.value.status is None
    with pytest.raises(DvcError, match="dvc checkout nonsense"):
        dvc(["checkout", "nonsense"], repository)


def test_a_folder_outside_any_repository_is_named(tmp_path: Path, repository: Path) -> None:
    (repository / "deep").mkdir()
    assert find_root(repository / "deep") == repository
    with pytest.raises(InputError, match="dvc init"):
        find_root(Path("/"))

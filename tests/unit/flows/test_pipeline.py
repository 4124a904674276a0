"""What the flow refuses before anything runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.dvc_cli import dvc
from tests.support import write_study

STAGES = """
stages:
  killed_once:
    cmd: test -f tried || (touch tried; kill -9 $$; sleep 5)
  refuses:
    cmd: 'echo x >> count; echo "error: refuses: not today." >&2; exit 1'
"""
WALK = """
from prefect import flow
from flows.pipeline import walk_stage

@flow
def walk():
    walk_stage.with_options(retry_delay_seconds=0)("killed_once", ".")
    return walk_stage.with_options(retry_delay_seconds=0)("refuses", ".", return_state=True).name

print("ended", walk())
"""


def _run(cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import warnings; warnings.simplefilter('ignore'); from flows.pipeline import pipeline; pipeline.fn('.')"
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=cwd,
        env={**os.environ, **environment, "PREFECT_SERVER_EPHEMERAL_ENABLED": "false"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_inside_a_dvc_stage_it_refuses(tmp_path: Path) -> None:
    write_study(tmp_path)
    assert "cannot run inside one ('train')" in _run(tmp_path, DVC_STAGE="train").stderr


def test_outside_a_dvc_repository_it_says_how_to_make_one(tmp_path: Path) -> None:
    write_study(tmp_path)
    assert "lies in no DVC repository. Run 'dvc init'" in _run(tmp_path).stderr


@pytest.mark.slow
def test_a_killed_stage_is_tried_again_and_a_refusal_is_not(tmp_path: Path) -> None:
    dvc(["init", "--no-scm", "--quiet"], tmp_path)
    (tmp_path / "dvc.yaml").write_text(STAGES)
    (tmp_path / "walk.py").write_text(WALK)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    settings = {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
    }
    done = subprocess.run(
        [sys.executable, "walk.py"],
        cwd=tmp_path,
        env={**environment, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ended Failed" in done.stdout, done.stderr
    assert (tmp_path / "count").read_text() == "x\n"

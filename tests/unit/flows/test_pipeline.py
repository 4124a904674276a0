"""What the flow refuses before anything runs."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support import write_study


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

"""A study's lock: waited for, freed by death, refused for a second pipeline."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.locks import pipeline_lock, study_lock
from mmbind.errors import MmbindError
from tests.support import ROOT

HOLD = """
import sys, time
from pathlib import Path
from flows.locks import study_lock
with study_lock(Path(sys.argv[1]), "stage train"):
    print("held", flush=True)
    time.sleep(60)
"""


def _holder(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_who_cannot_wait_is_told_who_holds_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMBIND_LOCK_TIMEOUT_S", "0.2")
    with _holder(tmp_path) as child:
        with (
            pytest.raises(MmbindError, match=rf"Stage train \(process {child.pid}\) is at work"),
            study_lock(tmp_path, "b"),
        ):
            pass
        child.kill()


def test_a_killed_holder_frees_the_lock_for_who_waits(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with _holder(tmp_path) as child:
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        assert waiting.stdout is not None
        assert "Waiting for stage train" in waiting.stderr.readline()
        os.kill(child.pid, signal.SIGKILL)
        start = time.monotonic()
        assert waiting.stdout.readline() == "held\n"
        assert time.monotonic() - start < 30
        waiting.kill()
        waiting.communicate()


def test_a_second_pipeline_is_refused_at_once(tmp_path: Path) -> None:
    with pipeline_lock(tmp_path):
        with pytest.raises(MmbindError, match=r"Pipeline run .* is at work"), pipeline_lock(tmp_path):
            pass
        with study_lock(tmp_path, "stage embed"):  # its own stages may walk
            pass
    with pipeline_lock(tmp_path):
        pass

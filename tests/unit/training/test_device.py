"""Training on another device than the CPU: everything lies where it must, and nothing else changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmbind.evaluation.methods import METHODS
from tests.unit.evaluation.studied import write_studied


@pytest.mark.slow
def test_every_method_trains_on_another_device_as_on_the_cpu(tmp_path: Path) -> None:
    study = write_studied(tmp_path)
    command = [sys.executable, "-m", "tests.unit.training.on_pretended", str(study.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    apart, blind = found.pop("refused")
    assert "two devices" in apart
    assert "has none of the modalities" in blind
    cases = [*METHODS, "two_rounds", "resumed", "in_half_precision"]
    assert found == {name: ["pretend", True, 0.0] for name in cases}

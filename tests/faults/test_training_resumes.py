"""A training that is killed (SIGKILL) and started again ends in the bytes of an unbroken one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mmbind.study import Study
from mmbind.training import train
from tests.unit.training.test_train import bound_study, outputs

EPOCHS = {"pretrain": {"epochs": 30, "batch": 16}, "finetune": {"epochs": 30, "batch": 8}}
#: Trains the study in the working folder; each step takes long enough to be hit.
CHILD = """
import time
from mmbind.study import Study
from mmbind.training import train, trainer
original = trainer.augment
trainer.augment = lambda *arguments: (time.sleep(0.004), original(*arguments))[1]
train(Study.load("."))
"""

#: Trains the study in the working folder, and kills itself before a step.
DOOMED = """
import os, signal, sys
from mmbind.study import Study
from mmbind.training import train, trainer
original, left = trainer.Trainer.views, int(sys.argv[1])
def views(*arguments):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)
trainer.Trainer.views = views
train(Study.load("."))
"""


def study_of(root: Path) -> Study:
    study = bound_study(root)
    values = yaml.safe_load((root / "params.yaml").read_text())
    values["training"] |= EPOCHS | {"checkpoint_every": 1}
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return Study.load(study.root)


def kill_when(child: subprocess.Popen[bytes], study: Study, phase: str, checkpoints: int) -> None:
    """Kills the child once it has replaced a phase's checkpoint some times."""
    seen: set[int] = set()
    deadline = time.monotonic() + 60
    while len(seen) < checkpoints:
        assert child.poll() is None, "the training ended before it was killed"
        assert time.monotonic() < deadline
        for card in (study.root / "data" / ".work").glob(f"*/{phase}/card.json"):
            seen.add(card.stat().st_mtime_ns)
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()


@pytest.mark.slow
def test_kills_in_every_phase_leave_the_same_bytes(tmp_path: Path) -> None:
    unbroken, broken = study_of(tmp_path / "unbroken"), study_of(tmp_path / "broken")
    train(unbroken)
    for phase, checkpoints in (("pretrain", 2), ("pretrain", 3), ("teacher", 4), ("student", 3), ("calibration_2", 2)):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            cwd=broken.root,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stderr=subprocess.DEVNULL,
        )
        kill_when(child, broken, phase, checkpoints)
        assert not broken.model("multimodal").exists()
    train(broken)
    assert outputs(broken) == outputs(unbroken)
    assert not any((broken.root / "data" / ".work").iterdir())


@pytest.mark.slow
def test_a_kill_before_any_step_leaves_the_same_bytes(tmp_path: Path) -> None:
    unbroken, broken = study_of(tmp_path / "unbroken"), study_of(tmp_path / "broken")
    train(unbroken)
    chance = random.Random(0)  # noqa: S311
    for steps in [0, 1, *(chance.randrange(2, 50) for _ in range(3))]:
        child = subprocess.run(
            [sys.executable, "-c", DOOMED, str(steps)],
            cwd=broken.root,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stderr=subprocess.DEVNULL,
            check=False,
        )
        assert child.returncode == -signal.SIGKILL
        assert not broken.model("multimodal").exists()
    train(broken)
    assert outputs(broken) == outputs(unbroken)

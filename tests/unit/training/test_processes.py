"""Two processes that torchrun starts train the model that one would, and survive being killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from mmbind.files import read_json
from mmbind.study import Study
from mmbind.training import train
from tests.unit.training.test_train import bound_study, outputs

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SCHEDULES = {"pretrain": {"epochs": 10, "batch": 10}, "finetune": {"epochs": 10, "batch": 8}}

#: ``flows.train``, of which the second process kills itself before a step.
DOOMED = """
import os, signal, sys
from flows.doors import walk_together
from mmbind.training import train, trainer
original, left = trainer.Trainer.views, int(sys.argv[1])
def views(*arguments):
    global left
    left -= 1
    if left < 0 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)
trainer.Trainer.views = views
walk_together("train", train)
"""

#: ``flows.train``, of which the second process sees other data.
ASTRAY = """
import os
from flows.doors import walk_together
from mmbind.training import stage, train
if os.environ["RANK"] == "1":
    stage.training_inputs = lambda study: {}
walk_together("train", train)
"""


def study_of(root: Path, kind: str = "cnn", precision: str = "float32") -> Study:
    bound_study(root)
    values = yaml.safe_load((root / "params.yaml").read_text())
    values["training"] |= SCHEDULES | {"checkpoint_every": 1, "modality_dropout": 0.3}
    values["training"]["network"] |= {"kind": kind, "dropout": 0.3}
    values["compute"] = {"precision": precision}
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    return Study.load(root)


def together(study: Study, *command: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*TORCHRUN, *command],
        cwd=study.root,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "precision", "tolerance"),
    [
        ("cnn", "float32", 1e-4),
        ("cnn", "bfloat16", 2e-2),
        ("cnn_gru", "float32", 1e-4),
        ("transformer", "float32", 1e-4),
    ],
)
def test_two_processes_give_the_losses_of_one(tmp_path: Path, kind: str, precision: str, tolerance: float) -> None:
    alone, shared = (study_of(tmp_path / name, kind, precision) for name in ("alone", "shared"))
    train(alone)
    done = together(shared, "-m", "flows.train")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loss at the end") == 1
    expected, found = (pl.read_csv(study.plots("training")) for study in (alone, shared))
    assert found["phase"].to_list() == expected["phase"].to_list()
    assert found["loss"].to_list() == pytest.approx(expected["loss"].to_list(), rel=tolerance)
    cards = [read_json(study.model("multimodal") / "card.json") for study in (alone, shared)]
    assert [card["compute"].get("processes") for card in cards] == [None, 2]
    assert cards[1]["temperature"] == pytest.approx(cards[0]["temperature"], rel=5 * tolerance)


@pytest.mark.slow
def test_processes_that_see_other_data_do_not_train(tmp_path: Path) -> None:
    study, script = study_of(tmp_path / "study"), tmp_path / "astray.py"
    script.write_text(ASTRAY)
    done = together(study, str(script))
    assert done.returncode != 0
    assert "do not agree on data and parameters" in done.stderr
    assert not study.model("multimodal").exists()


@pytest.mark.slow
def test_when_one_of_two_processes_is_killed_the_next_run_ends_in_the_same_bytes(tmp_path: Path) -> None:
    unbroken, broken = study_of(tmp_path / "unbroken"), study_of(tmp_path / "broken")
    assert together(unbroken, "-m", "flows.train").returncode == 0
    script = tmp_path / "doomed.py"
    script.write_text(DOOMED)
    for steps in (13, 25):
        assert together(broken, str(script), str(steps)).returncode != 0
        assert not broken.model("multimodal").exists()
        assert list((broken.root / "data" / ".work").glob("*/*/card.json")), "no checkpoint was left"
    assert together(broken, "-m", "flows.train").returncode == 0
    assert outputs(broken) == outputs(unbroken)
    assert not any((broken.root / "data" / ".work").iterdir())

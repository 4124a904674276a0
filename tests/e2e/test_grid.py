"""A small grid on the demo fleets: killed and resumed, or run in halves and merged, it stores the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mmbind.evaluation.grid import Selection, merge_results, run_grid
from mmbind.reports.results import Results
from mmbind.simulation.fleets import FLEETS, write_demo_fleets
from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.validation import validate
from mmbind.windows import cut_windows
from tests.e2e.support import DEMO_SCALE, SHRUNK, clean_environment, merged
from tests.support import ROOT

#: 2 methods x 2 label counts x 2 rotations.
GRID = {
    "house": str(ROOT),
    "protocol": {
        "tasks": {"complete": ["acc", "gyro", "mag"]},
        "labels": [8, 16],
        "reported": ["p0", "p1"],
        "seeds": [0],
        "methods": ["lower", "mmbind"],
    },
}
RUNS = 8


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo fleets as windows."""
    root = tmp_path_factory.mktemp("fleets") / "study"
    root.mkdir()
    values = merged(merged(yaml.safe_load((ROOT / "params.yaml").read_text()), SHRUNK), GRID)
    values["protocol"]["tasks"].pop("absent_shared")
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    (root / "releases.json").write_text("{}\n")
    minutes = {name: float(DEMO_SCALE) * fleet.minutes for name, fleet in FLEETS.items()}
    write_demo_fleets(root / "data" / "raw", minutes=minutes, seed=0)
    study = Study.load(root)
    for source in study.params.sources:
        ingest(study, source)
        validate(study, source)
        cut_windows(study, source)
    return root


def copied(windowed: Path, destination: Path, bound: Study | None = None) -> Study:
    """The study anew, as on another machine; with the rotations' bindings of ``bound``, which take a while."""
    shutil.copytree(windowed, destination)
    if bound is not None:
        kept = Path("data", ".work", "protocol")
        shutil.copytree(bound.root / kept, destination / kept)
    return Study.load(destination)


def stored(study: Study) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((study.root / "results").iterdir())}


def finished(study: Study) -> int:
    return len(list((study.root / "data" / ".work").glob("*/run.json")))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_and_a_divided_grid_store_what_a_whole_one_does(windowed: Path, tmp_path: Path) -> None:
    whole = copied(windowed, tmp_path / "whole")
    assert run_grid(whole).trained == RUNS
    expected = stored(whole)
    assert set(expected) == {"runs.parquet", "confusions.parquet", "modalities.parquet", "reliability.parquet"}
    assert Results.read(whole.root / "results").runs.height == RUNS

    broken = copied(windowed, tmp_path / "broken", whole)
    command = [sys.executable, "-m", "mmbind", "results", "run", "--workers", "2"]
    environment = clean_environment(PYTHONPATH=str(ROOT))
    child = subprocess.Popen(command, cwd=broken.root, env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 600
    try:
        while finished(broken) < 2 and time.monotonic() < deadline:
            assert child.poll() is None, child.communicate()[1].decode()
            time.sleep(0.01)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    time.sleep(1)  # workers end with their parent
    there = finished(broken)
    assert 2 <= there < RUNS
    assert run_grid(broken).trained == RUNS - there
    assert stored(broken) == expected

    halves = [copied(windowed, tmp_path / "first", whole), copied(windowed, tmp_path / "second")]
    for half, labels in zip(halves, (8, 16), strict=True):
        assert run_grid(half, Selection(labels=(labels,))).trained == RUNS // 2
    merge_results(halves[1], [halves[0].root / "results"])
    assert stored(halves[1]) == expected

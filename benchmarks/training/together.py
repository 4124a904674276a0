"""``python -m benchmarks.training.together``: a step on two processes against one, in turns."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.results import machine, table, write_section
from benchmarks.training.__main__ import WIDTHS, step_of, timed, trainer_of, written
from mmbind.learning.processes import joined_processes, leads

#: Windows that batches are drawn from.
WINDOWS = 4096
#: Windows of a step.
BATCHES = (64, 256)
#: How often one process and two take turns.
TURNS = 3


def steps(rounds: int) -> None:
    """Times steps in the processes that torchrun started; the first one prints milliseconds by case."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, joined_processes():
        samples = written(Path(name), WINDOWS)
        for width in WIDTHS:
            for batch in BATCHES:
                step = step_of(trainer_of(samples, 1, width=width), samples, fused=True, batch=batch)
                found[f"{width} {batch}"] = 1e3 * timed(step, rounds)
        if leads():
            print(json.dumps(found), flush=True)


def measured(processes: int, rounds: int) -> dict[str, float]:
    """Milliseconds of a step, by width and batch."""
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, "-m", *launcher, "-m", "benchmarks.training.together", "--rounds", str(rounds)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Takes turns between one process and two, and writes down the ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.together", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    if "WORLD_SIZE" in os.environ:
        steps(rounds)
        return
    turns = [(measured(1, rounds), measured(2, rounds)) for _ in range(TURNS)]
    rows = []
    for width in WIDTHS:
        for batch in BATCHES:
            alone, shared = ([turn[at][f"{width} {batch}"] for turn in turns] for at in (0, 1))
            gain = median(one / two for one, two in zip(alone, shared, strict=True))
            rows.append([width, batch, f"{median(alone):.1f}", f"{median(shared):.1f}", f"{gain:.2f}"])
    body = "\n\n".join(
        [
            f"`python -m benchmarks.training.together` on {machine()}",
            "A step of contrastive pre-training of three modalities, on one process and on two that torchrun "
            f"starts, one thread each, in {TURNS} turns; the speed is the median of their ratios. Two trainings side "
            "by side would have 2.00.",
            table(["width", "windows", "ms, 1 process", "ms, 2 processes", "speed"], rows),
        ]
    )
    write_section("Training on two processes", body)
    print(body)


if __name__ == "__main__":
    main()

"""``python -m benchmarks.training``: the loader's share of a step, the optimiser, threads, and memory."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.optim import AdamW

from benchmarks.results import machine, table, write_section
from mmbind.config import Compute, Network, Schedule, Training
from mmbind.files import write_npy
from mmbind.learning.samples import Samples
from mmbind.learning.signals import MappedSignals
from mmbind.training.trainer import Trainer
from mmbind.windows.store import ModalitySpec

#: Shape of a window, and windows per file, as in the demo study.
STEPS, CHANNELS, SHARD = 100, 3, 4096
NAMES = ("acc", "gyro", "mag")
#: Largest share of a step that the loader may take.
LIMIT = 0.05


def written(folder: Path, windows: int) -> Samples:
    """Complete windows of noise in memory-mapped files."""
    generator, signals = np.random.default_rng(0), {}
    for name in NAMES:
        files = []
        for first in range(0, windows, SHARD):
            count = min(SHARD, windows - first)
            path = folder / str(windows) / name / f"{first}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_npy(path, generator.normal(size=(count, STEPS, CHANNELS)).astype(np.float32))
            files.append((path, count))
        signals[name] = MappedSignals(files, STEPS, CHANNELS)
    rows = {name: torch.arange(windows) for name in NAMES}
    labels = torch.arange(windows) % 8
    ids = [f"{number:016x}" for number in range(windows)]
    return Samples(signals, rows, torch.ones(windows), labels, [f"c{number}" for number in range(8)], ids)


def trainer_of(samples: Samples, threads: int) -> Trainer:
    """A trainer with the demo's network."""
    schedule = Schedule(epochs=1, batch=64)
    training = Training(network=Network(width=32, features=64, projection=64), pretrain=schedule, finetune=schedule)
    specs = {name: ModalitySpec(STEPS, list("xyz"), "m/s2", 25.0) for name in NAMES}
    return Trainer(
        training=training,
        compute=Compute(threads=threads),
        seed=0,
        modalities=specs,
        classes=samples.classes,
        seen=[samples],
    )


def timed(work: Callable[[], object], rounds: int) -> float:
    """Median seconds of a call, after three that do not count."""
    seconds = []
    for number in range(rounds + 3):
        started = time.perf_counter()
        work()
        if number >= 3:
            seconds.append(time.perf_counter() - started)
    return median(seconds)


def step_of(trainer: Trainer, samples: Samples, *, fused: bool, batch: int = 64) -> Callable[[], object]:
    """One optimisation step of contrastive pre-training, gathering included."""
    generator = torch.Generator().manual_seed(0)
    optimizer = AdamW(trainer.model.parameters(), lr=1e-4, fused=fused, foreach=False)
    trainer.model.train()

    def step() -> None:
        positions = torch.randint(len(samples), (batch,), generator=generator)
        loss = trainer.contrast(samples.batch(positions), generator)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()

    return step


def anonymous_mib() -> float:
    """Memory of this process that is no page of a file, MiB (Linux)."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1)) / 1024 if found else float("nan")


def main() -> None:
    """Times the parts of a step and writes them down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument(
        "--windows", type=int, default=8192, help="of the small set; the large one has four times as many"
    )
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        small, large = (written(Path(name), factor * chosen.windows) for factor in (1, 4))
        memory = {}
        for samples in (small, small, large):  # the first time also fills torch's own pools
            before = anonymous_mib()
            step = step_of(trainer_of(samples, 1), samples, fused=True)
            for _ in range(20):
                step()
            memory[len(samples)] = anonymous_mib() - before
        trainer = trainer_of(large, 1)
        generator = torch.Generator().manual_seed(1)
        loader = timed(lambda: large.batch(torch.randint(len(large), (64,), generator=generator)), 5 * chosen.rounds)
        fused = timed(step_of(trainer, large, fused=True), chosen.rounds)
        plain = timed(step_of(trainer, large, fused=False), chosen.rounds)
        two = timed(step_of(trainer_of(large, 2), large, fused=True), chosen.rounds)
    share = loader / fused
    rows = [
        ["plain AdamW, 1 thread", f"{1e3 * plain:.1f}", "1.00"],
        ["fused AdamW, 1 thread (the default)", f"{1e3 * fused:.1f}", f"{plain / fused:.2f}"],
        ["fused AdamW, 2 threads", f"{1e3 * two:.1f}", f"{plain / two:.2f}"],
    ]
    signals = {count: count * len(NAMES) * STEPS * CHANNELS * 4 / 2**20 for count in memory}
    held = ", ".join(
        f"{mib:.0f} MiB for {count} windows ({signals[count]:.0f} MiB of signals)" for count, mib in memory.items()
    )
    body = "\n\n".join(
        [
            f"`python -m benchmarks.training` on {machine()}, torch {torch.__version__}; "
            f"load {os.getloadavg()[0]:.1f}: on busy cores two threads wait for each other.",
            "Contrastive pre-training with the demo's network (width 32), 64 windows of three modalities, float32:",
            table(["step", "ms", "speed"], rows),
            f"Gathering 64 windows from {len(large)} in memory-mapped files takes {1e3 * loader:.2f} ms, "
            f"{100 * share:.1f} % of a step ({'within' if share <= LIMIT else 'above'} the {100 * LIMIT:.0f} % "
            "allowed), their pages being cached.",
            f"Memory that trainer and 20 steps add, pages of files left out (they can be taken back): {held}.",
        ]
    )
    write_section("Training", body)
    print(body)


if __name__ == "__main__":
    main()

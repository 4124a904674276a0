"""``python -m benchmarks.training``: a step against its floor, optimisers, precision, threads, loader, memory."""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.optim import AdamW

from benchmarks.results import machine, table, write_section
from mmbind.config import Compute, Network, Schedule, Training
from mmbind.files import write_npy
from mmbind.learning.convolution import STRIDE, Convolution
from mmbind.learning.processes import average_gradients
from mmbind.learning.samples import Samples
from mmbind.learning.signals import MappedSignals
from mmbind.training.trainer import Trainer
from mmbind.windows.store import ModalitySpec

#: Shape of a window, and windows per file, as in the demo study.
STEPS, CHANNELS, SHARD = 100, 3, 4096
NAMES = ("acc", "gyro", "mag")
#: Widths of networks that are timed: of the demo, of the real studies, and twice that.
WIDTHS = (32, 64, 128)
#: What is timed: name, whether the optimiser is fused, bfloat16, threads.
VARIANTS = (
    ("plain AdamW", False, False, 1),
    ("fused AdamW (the default)", True, False, 1),
    ("fused AdamW, encoders in bfloat16", True, True, 1),
    ("fused AdamW, 2 threads", True, False, 2),
    ("fused AdamW, encoders in bfloat16, 2 threads", True, True, 2),
)
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


def trainer_of(samples: Samples, threads: int, *, width: int = 32, half: bool = False) -> Trainer:
    """A trainer with the demo's network (width 32) or that of the real studies (width 64)."""
    schedule = Schedule(epochs=1, batch=64)
    network = Network(width=width, features=2 * width, projection=2 * width)
    training = Training(network=network, pretrain=schedule, finetune=schedule)
    specs = {name: ModalitySpec(STEPS, list("xyz"), "m/s2", 25.0) for name in NAMES}
    return Trainer(
        training=training,
        compute=Compute(threads=threads, precision="bfloat16" if half else "float32"),
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
        average_gradients(trainer.model)
        optimizer.step()

    return step


def multiplications(trainer: Trainer) -> float:
    """Multiplications and additions of the convolutions of one step forwards, 64 windows of each modality."""
    steps, total = STEPS, 0.0
    for layer in trainer.model.encoders[NAMES[0]].modules():
        if isinstance(layer, Convolution):
            steps = (steps - 1) // STRIDE + 1
            total += 2.0 * 64 * steps * layer.weight.numel()
    return len(NAMES) * total


@cache
def peak(half: bool) -> float:
    """Multiplications and additions per second of a large matrix product on one thread."""
    size = 1024
    torch.set_num_threads(1)
    factor = torch.randn(size, size).to(torch.bfloat16 if half else torch.float32)
    return float(2 * size**3 / timed(lambda: factor @ factor, 20))


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
        generator = torch.Generator().manual_seed(1)
        loader = timed(lambda: large.batch(torch.randint(len(large), (64,), generator=generator)), 5 * chosen.rounds)
        rows: list[list[str]] = []
        plain: dict[int, float] = {}
        for what, fused, half, threads in VARIANTS:
            cells = []
            for width in WIDTHS:
                trainer = trainer_of(large, threads, width=width, half=half)
                seconds = timed(step_of(trainer, large, fused=fused), chosen.rounds)
                plain.setdefault(width, seconds)
                floor = 3 * multiplications(trainer) / peak(half) / seconds
                cells += [f"{1e3 * seconds:.1f}", f"{plain[width] / seconds:.2f}", f"{100 * floor:.0f} %"]
            rows.append([what, *cells])
        share = loader / plain[WIDTHS[0]]
    signals = {count: count * len(NAMES) * STEPS * CHANNELS * 4 / 2**20 for count in memory}
    held = ", ".join(
        f"{mib:.0f} MiB for {count} windows ({signals[count]:.0f} MiB of signals)" for count, mib in memory.items()
    )
    body = "\n\n".join(
        [
            f"`python -m benchmarks.training` on {machine()} PyTorch {torch.__version__}. On busy cores two "
            "threads wait for each other.",
            "Contrastive pre-training, 64 windows of three modalities, networks of width 32 (the demo), 64 (the real "
            "studies) and 128. Speed is the time of plain AdamW over the step's; the last column is the time that the "
            "multiplications of the encoders' convolutions alone, forwards and backwards, would take at the rate of a "
            "large matrix product of the same precision, over the time of the step:",
            table(["step", *(f"{what}, {width}" for width in WIDTHS for what in ("ms", "speed", "of peak"))], rows),
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

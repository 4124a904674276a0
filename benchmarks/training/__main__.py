"""``python -m benchmarks.training``: a step against its floor, optimisers, precision, layout, threads, memory."""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple, cast
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW

from benchmarks.results import machine, table, write_section
from mmbind.config import Compute, Network, Schedule, Training
from mmbind.files import write_npy
from mmbind.learning import convolution
from mmbind.learning.compute import half_precision
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


class Variant(NamedTuple):
    """A step that is timed.

    Attributes:
        name: as the table has it.
        fused: whether the optimiser is.
        half: encoders in bfloat16, on CPUs that multiply it.
        products: convolutions in float32 as the matrix products that mmbind makes of those in bfloat16.
        threads: of the step.
    """

    name: str
    fused: bool = True
    half: bool = False
    products: bool = False
    threads: int = 1


#: The first is what the others are compared with.
VARIANTS = (
    Variant("plain AdamW", fused=False),
    Variant("fused AdamW (the default)"),
    Variant("fused AdamW, time before channels", products=True),
    Variant("fused AdamW, encoders in bfloat16", half=True),
    Variant("fused AdamW, 2 threads", threads=2),
    Variant("fused AdamW, time before channels, 2 threads", products=True, threads=2),
    Variant("fused AdamW, encoders in bfloat16, 2 threads", half=True, threads=2),
)
#: How often the variants take turns.
TURNS = 5
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


@contextmanager
def layout(*, products: bool) -> Iterator[None]:
    """Convolutions in float32 as matrix products, with time before channels; mmbind leaves them to PyTorch."""

    def forward(layer: Convolution, signals: Tensor) -> Tensor:
        convolved = convolution._Products.apply(signals.transpose(1, 2), layer.weight)  # type: ignore[no-untyped-call]
        return cast(Tensor, convolved).transpose(1, 2)

    with patch.object(Convolution, "forward", forward if products else Convolution.forward):
        yield


def in_turns(variants: Sequence[Variant], width: int, samples: Samples, rounds: int) -> list[float]:
    """Seconds of a step of each variant: medians over turns, so that a busy moment of the machine falls on all."""
    trainers = [trainer_of(samples, one.threads, width=width, half=one.half) for one in variants]
    steps = [step_of(trainer, samples, fused=one.fused) for trainer, one in zip(trainers, variants, strict=True)]
    seconds: list[list[float]] = [[] for _ in variants]
    for _ in range(TURNS):
        for variant, step, found in zip(variants, steps, seconds, strict=True):
            torch.set_num_threads(variant.threads)
            with layout(products=variant.products):
                found.append(timed(step, max(rounds // TURNS, 1)))
    return [median(found) for found in seconds]


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
    parser.add_argument("--rounds", type=int, default=50)
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
        native = half_precision(Compute(precision="auto"))
        variants = [variant for variant in VARIANTS if native or not variant.half]
        rows = [[variant.name] for variant in variants]
        for width in WIDTHS:
            found = in_turns(variants, width, large, chosen.rounds)
            floor = 3 * multiplications(trainer_of(large, 1, width=width))
            for row, variant, seconds in zip(rows, variants, found, strict=True):
                ideal = floor / peak(variant.half)
                row += [f"{1e3 * seconds:.1f}", f"{found[0] / seconds:.2f}", f"{100 * ideal / seconds:.0f} %"]
            if width == WIDTHS[0]:
                share = loader / found[0]
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
    write_section("Training" if native else "Training without bfloat16", body)
    print(body)


if __name__ == "__main__":
    main()

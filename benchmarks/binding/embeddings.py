"""Embeddings at scale: windows of the demo simulator through the default encoder.

Sessions of simulated people are recorded by the demo's wrist loggers; windows of 4 s are cut
at random moments of random sessions (two windows may overlap, as sliding windows do, and a few are the same) and
embedded by the study's autoencoder, fitted on the first of them for a few rounds. Anchors and
lenders are other people.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from mmbind.config import Schedule, Shared
from mmbind.encoders.autoencoder import Autoencoder
from mmbind.learning.memory import keep_freed_memory
from mmbind.simulation.chance import generator
from mmbind.simulation.fleets import draw_subject, record_session
from mmbind.windows.store import ModalitySpec

STEPS, RATE_HZ, SECONDS = 100, 25.0, 240.0
#: Windows that the encoder learns from, and that are embedded at once.
LEARNED, BLOCK = 2048, 8192
#: Windows per session, at most, where there are many: one in three moments begins one, so that few are the same.
WINDOWS = 2000

Windows = npt.NDArray[np.float32]


def sessions(source: str, people: int) -> list[npt.NDArray[np.float64]]:
    """Accelerations of one session per person, (n, 3) in m/s2 at 25 Hz."""
    recorded = []
    for number in range(people):
        person, device = draw_subject(source, f"p{number}", seed=1)
        _, readings = record_session(person, device, SECONDS, generator(1, source, number, "benchmark"))
        times = np.arange(readings.times[0], readings.times[-1], 1 / RATE_HZ)
        axes = [np.interp(times, readings.times, axis) for axis in readings.signals["acc"].T]
        recorded.append(np.stack(axes, axis=1))
    return recorded


def windows(recorded: list[npt.NDArray[np.float64]], count: int, chance: np.random.Generator) -> Windows:
    """Windows at random moments, float32 (count, steps, 3)."""
    out = np.empty((count, STEPS, 3), dtype=np.float32)
    for row, who in enumerate(chance.integers(0, len(recorded), count)):
        start = chance.integers(0, len(recorded[who]) - STEPS)
        out[row] = recorded[who][start : start + STEPS]
    return out


def encoder(examples: Windows, dimensions: int) -> Autoencoder:
    """The default encoder, fitted for a few rounds."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # batches are too small to share
    shared = Shared(
        modality="acc", encoder="autoencoder", dimensions=dimensions, width=32, schedule=Schedule(epochs=4, batch=64)
    )
    model = Autoencoder(ModalitySpec(STEPS, ["x", "y", "z"], "m/s2", RATE_HZ), shared)
    model.learn(examples, None)
    torch.set_num_threads(threads)
    return model.eval()


def embed(model: Autoencoder, signals: Windows) -> Windows:
    """Unit vectors, float32 (n, dimensions)."""
    with torch.inference_mode():
        vectors = np.concatenate([model(part).numpy() for part in torch.split(torch.from_numpy(signals), 256)])
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def at_scale(folder: Path, count: int, dimensions: int = 128) -> tuple[Windows, Windows]:
    """Anchors and lenders, float32 (count, dimensions) each, as memory maps in a folder."""
    found = []
    model = None
    keep_freed_memory()
    for name, source in (("anchors", "fleet_a"), ("lenders", "fleet_b")):
        recorded = sessions(source, people=max(24, count // WINDOWS))
        chance = np.random.default_rng(len(name))
        model = model or encoder(windows(recorded, min(LEARNED, max(count, 256)), chance), dimensions)
        path = folder / f"{name}.npy"
        vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, dimensions))
        for start in range(0, count, BLOCK):
            stop = min(start + BLOCK, count)
            vectors[start:stop] = embed(model, windows(recorded, stop - start, chance))
        vectors.flush()
        found.append(np.load(path, mmap_mode="r"))
    return found[0], found[1]

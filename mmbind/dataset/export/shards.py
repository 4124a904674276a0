"""What all exports share: samples shard by shard, and the manifest beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmbind.dataset.binding_dataset import BindingDataset
from mmbind.files import write_json
from mmbind.learning.samples import Batch
from mmbind.progress import progress


def shards(dataset: BindingDataset, size: int) -> Iterator[tuple[pl.DataFrame, Batch]]:
    """Yields samples in their order, ``size`` at a time: what the table says, and their signals."""
    starts = range(0, len(dataset), size)
    for start in progress(starts, "export: files"):
        positions = np.arange(start, min(start + size, len(dataset)), dtype=np.int64)
        yield dataset.samples.frame.slice(start, size), dataset.gather(positions)


def described(dataset: BindingDataset) -> dict[str, Any]:
    """What the arrays are and which binding they are of."""
    return {
        "binding": dataset.manifest,
        "modalities": {name: asdict(gatherer.spec) for name, gatherer in dataset.gatherers.items()},
        "samples": len(dataset),
    }


def write_manifest(dataset: BindingDataset, folder: Path) -> None:
    """Writes ``manifest.json`` beside the samples."""
    write_json(folder / "manifest.json", described(dataset))

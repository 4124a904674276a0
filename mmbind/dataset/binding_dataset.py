"""A binding as a dataset for torch: pseudo-paired samples, gathered by memory map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import torch
from torch.utils.data import Dataset

from mmbind.dataset.gather import Gatherer
from mmbind.dataset.table import SampleTable
from mmbind.errors import InputError, MissingStageError
from mmbind.files import read_json
from mmbind.learning.samples import Batch
from mmbind.schema import PAIRS, conform
from mmbind.study import Study
from mmbind.windows.store import Positions, WindowStore


@dataclass(frozen=True)
class BindingDataset(Dataset[dict[str, Any]]):
    """Pseudo-paired samples, each an anchor with what it has and what it borrows.

    Memory grows by a few bytes per sample, not with the signals. Works with any
    ``torch.utils.data.DataLoader``; the fastest way to batches is :meth:`batches`.

    Attributes:
        manifest: the binding's ``manifest.json``.
        samples: which windows stand together.
        gatherers: by modality, sorted.
    """

    manifest: dict[str, Any]
    samples: SampleTable
    gatherers: dict[str, Gatherer]

    @classmethod
    def open(cls, study: Study) -> Self:
        """Opens the binding of a study.

        Raises:
            MissingStageError: before bind.
            InputError: when pairs and roles do not belong together.
        """
        if not (study.bindings / "manifest.json").is_file():
            raise MissingStageError(study.bindings, "bind")
        stores = [WindowStore.open(study.role(role), stage="assign") for role in study.params.unlabelled_roles]
        pairs = conform(pl.read_parquet(study.bindings / "pairs.parquet", glob=False), PAIRS, table="pairs")
        samples = SampleTable.of(stores, pairs)
        gatherers = {name: Gatherer.of(stores, name, samples.frame[f"window_{name}"]) for name in samples.modalities}
        return cls(read_json(study.bindings / "manifest.json"), samples, gatherers)

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.samples)

    def __getitem__(self, position: int) -> dict[str, Any]:
        """One sample: see :meth:`__getitems__`.

        Raises:
            IndexError: for a position beyond the samples.
        """
        return self.__getitems__([position])[0]

    def __getitems__(self, positions: Sequence[int]) -> list[dict[str, Any]]:
        """Some samples, gathered at once; torch's loaders call this where they can.

        Args:
            positions: of samples, negative ones from the end.

        Returns:
            Per sample ``anchor`` (id), ``rank``, ``weight``, ``similarity``, and per modality
            under ``views`` float32 (steps, channels), SI, zeros where absent, and under
            ``present`` whether the sample has it.

        Raises:
            IndexError: for a position beyond the samples.
        """
        chosen = np.asarray(positions, dtype=np.int64)
        if len(chosen) and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise IndexError(f"{len(self)} samples have no position {int(np.abs(chosen).max())}.")
        chosen = chosen % max(len(self), 1)
        batch = self.gather(chosen)
        told = self.samples.frame.select("anchor", "rank", "weight", "similarity")[chosen]
        return [
            {
                **row,
                "views": {name: view[place] for name, view in batch.views.items()},
                "present": {name: bool(here[place]) for name, here in batch.present.items()},
            }
            for place, row in enumerate(told.iter_rows(named=True))
        ]

    def gather(self, positions: Positions) -> Batch:
        """Gathers samples as one batch.

        Args:
            positions: of samples, int64 (n,), from 0.

        Returns:
            Views float32 (n, steps, channels) per modality, SI, zeros where absent, and which
            are present; weights float32 (n,); labels -1, since pairs have none.
        """
        views, present = {}, {}
        for name, gatherer in self.gatherers.items():
            signals, here = gatherer(positions)
            views[name], present[name] = torch.from_numpy(signals), torch.from_numpy(here)
        weights = self.samples.frame["weight"].to_numpy()[positions].astype(np.float32)
        labels = torch.full((len(positions),), -1, dtype=torch.int64)
        return Batch(views, present, torch.from_numpy(weights), labels)

    def batches(self, size: int, *, seed: int | None = None) -> Iterator[Batch]:
        """One pass over all samples.

        Args:
            size: samples per batch; the last one may be smaller.
            seed: of the order; the order of the pairs when None.

        Raises:
            InputError: for a size below 1.
        """
        if size < 1:
            raise InputError(f"A batch of {size} samples cannot be made.", hint="Give a size of at least 1.")
        order = np.arange(len(self)) if seed is None else np.random.default_rng(seed).permutation(len(self))
        for start in range(0, len(self), size):
            yield self.gather(order[start : start + size])


def load_binding(study: Path | str = ".") -> BindingDataset:
    """Opens the binding of a study as a dataset for torch.

    Args:
        study: the study's folder.

    Raises:
        ConfigError: when ``params.yaml`` is missing or wrong.
        MissingStageError: before bind.
        InputError: when pairs and roles do not belong together.

    Example:
        >>> import mmbind
        >>> dataset = mmbind.load_binding("studies/utd_mhad")  # doctest: +SKIP
        >>> for batch in dataset.batches(64, seed=0):  # doctest: +SKIP
        ...     batch.views["acc"], batch.present["gyro"], batch.weights
    """
    return BindingDataset.open(Study.load(study))

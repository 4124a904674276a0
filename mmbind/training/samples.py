"""From window stores and pairs to training samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from mmbind.dataset.table import SampleTable
from mmbind.errors import InputError
from mmbind.learning.samples import Samples
from mmbind.learning.signals import MappedSignals, Signals
from mmbind.windows.store import ModalitySpec, WindowStore


def modalities_of(stores: Iterable[WindowStore]) -> dict[str, ModalitySpec]:
    """The modalities of some stores together, sorted by name.

    Raises:
        InputError: when two stores cut a modality differently.
    """
    found: dict[str, ModalitySpec] = {}
    for store in stores:
        for name, spec in store.modalities.items():
            known = found.setdefault(name, spec)
            if (known.steps, len(known.channels), known.unit) != (spec.steps, len(spec.channels), spec.unit):
                raise InputError(
                    f"{store.path}: windows of {name!r} have {spec.steps} steps x {len(spec.channels)} channels in "
                    f"{spec.unit}; another role has {known.steps} x {len(known.channels)} in {known.unit}.",
                    hint="Give every source the same channels and units, then window again.",
                )
    return dict(sorted(found.items()))


def as_recorded(stores: Sequence[WindowStore]) -> Samples:
    """Every window with the modalities it was recorded with, weight 1, without labels.

    Parts of one window in several stores (a role and its truth) become one sample.

    Args:
        stores: in any order; samples are sorted by window id.

    Raises:
        InputError: when the stores hold no window, or cut a modality differently.
    """
    if not any(len(store) for store in stores):
        raise InputError(f"There are no windows in {', '.join(str(store.path) for store in stores) or 'no store'}.")
    signals, where = _rows(stores)
    windows = sorted({window for store in stores for window in store.ids})
    rows = {name: _tensor([known.get(window, -1) for window in windows]) for name, known in where.items()}
    return Samples(signals, rows, torch.ones(len(windows)), torch.full((len(windows),), -1), [], windows)


def pseudo_paired(stores: Sequence[WindowStore], table: SampleTable) -> Samples:
    """Anchors with their own modalities and those borrowed from their partners.

    Args:
        stores: of the roles that were bound.
        table: what stands together; samples keep its order.
    """
    signals, where = _rows(stores)
    rows = {
        name: _tensor([known.get(window, -1) for window in table.frame[f"window_{name}"]])
        for name, known in where.items()
    }
    weights = torch.from_numpy(table.frame["weight"].to_numpy().astype(np.float32))
    unlabelled = torch.full((len(table),), -1)
    return Samples(signals, rows, weights, unlabelled, [], table.frame["anchor"].to_list())


def labelled(store: WindowStore) -> Samples:
    """The windows of a store that have a label, in index order, weight 1.

    Args:
        store: usually the target's; its labels, sorted, are the classes.

    Raises:
        InputError: when no window has a label.
    """
    chosen = store.index.filter(pl.col("label").is_not_null())
    if not chosen.height:
        raise InputError(
            f"No window of {store.path} has a label.", hint="See roles.target.labels and the labels of its sources."
        )
    classes = sorted(chosen["label"].unique())
    labels = _tensor([classes.index(label) for label in chosen["label"]])
    return replace(gathered(store, store.positions(chosen["window"].to_list())), labels=labels, classes=classes)


def gathered(store: WindowStore, positions: npt.NDArray[np.int64]) -> Samples:
    """Some windows of a store, read into memory, with the modalities they have, weight 1, without labels.

    Args:
        store: the store.
        positions: of the windows, in the order of the samples.
    """
    signals, rows = {}, {}
    for name in sorted(store.modalities):
        here = store.present(name)[positions]
        signals[name] = torch.from_numpy(store.gather(name, positions[here]))
        rows[name] = torch.from_numpy(np.where(here, np.cumsum(here) - 1, -1))
    windows = [store.ids[position] for position in positions]
    count = len(windows)
    return Samples(signals, rows, torch.ones(count), torch.full((count,), -1), [], windows)


def own_windows(target: WindowStore) -> Samples:
    """The target's windows without a label, in the order of their ids; none where all have one."""
    everyone = as_recorded([target])
    unlabelled = set(target.index.filter(pl.col("label").is_null())["window"])
    return everyone.at(_tensor([number for number, window in enumerate(everyone.windows) if window in unlabelled]))


def _rows(stores: Sequence[WindowStore]) -> tuple[dict[str, Signals], dict[str, dict[str, int]]]:
    """Per modality: the signals of all stores, memory-mapped, and the row of each window that has it."""
    signals: dict[str, Signals] = {}
    where: dict[str, dict[str, int]] = {}
    for name, spec in modalities_of(stores).items():
        files: list[tuple[Path, int]] = []
        rows: dict[str, int] = {}
        for store in stores:
            held = np.flatnonzero(store.present(name))
            first = sum(count for _, count in files)
            rows |= {store.ids[position]: first + number for number, position in enumerate(held)}
            files += store.files(name)
        if files:
            signals[name], where[name] = MappedSignals(files, spec.steps, len(spec.channels)), rows
    return signals, where


def _tensor(values: Sequence[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)

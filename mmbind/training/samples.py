"""From window stores and pairs to training samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mmbind.errors import InputError, nearest
from mmbind.learning.samples import Samples
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


def pseudo_paired(stores: Sequence[WindowStore], pairs: pl.DataFrame) -> Samples:
    """Anchors with their own modalities and those borrowed from their partners.

    Everything that an anchor borrows at one rank makes one sample: with two sources a
    sample per pair; with more, one sample may borrow from several partners and has the
    smallest of their weights. What an anchor has itself is never borrowed.

    Args:
        stores: of the roles that were bound.
        pairs: ``schema.PAIRS``; samples keep the order of their first row.

    Raises:
        InputError: when there are no pairs, or a pair names a window or a modality that
            the stores do not hold (the pairs are stale).
    """
    if not pairs.height:
        raise InputError("There are no pairs to train on.", hint="See the binding report; lower the demands of bind.")
    signals, where = _rows(stores)
    _refuse_stale(stores, where, pairs)
    grouped = pairs.group_by("anchor", "rank", maintain_order=True).agg(
        pl.col("partner"), pl.col("borrowed_modality"), pl.col("weight").min()
    )
    anchors = grouped["anchor"].to_list()
    rows = {name: [known.get(anchor, -1) for anchor in anchors] for name, known in where.items()}
    for position, (partners, borrowed) in enumerate(zip(grouped["partner"], grouped["borrowed_modality"], strict=True)):
        for partner, modality in zip(partners, borrowed, strict=True):
            if rows[modality][position] < 0:
                rows[modality][position] = where[modality][partner]
    weights = torch.from_numpy(grouped["weight"].to_numpy().astype(np.float32))
    tensors = {name: _tensor(values) for name, values in rows.items()}
    return Samples(signals, tensors, weights, torch.full((len(anchors),), -1), [], anchors)


def labelled(store: WindowStore, classes: Sequence[str] | None = None) -> Samples:
    """The windows of a store that have a label, in index order, weight 1.

    Args:
        store: usually the target's.
        classes: class names in order; the sorted labels of the store when None.

    Raises:
        InputError: when no window has a label, or a label is not among the classes.
    """
    chosen = store.index.filter(pl.col("label").is_not_null())
    if not chosen.height:
        raise InputError(
            f"No window of {store.path} has a label.", hint="See roles.target.labels and the labels of its sources."
        )
    names = sorted(chosen["label"].unique()) if classes is None else list(classes)
    unknown = sorted(set(chosen["label"]) - set(names))
    if unknown:
        raise InputError(f"{store.path}: the label {unknown[0]!r} is no class.", hint=nearest(unknown[0], names))
    windows = chosen["window"].to_list()
    positions = store.positions(windows)
    signals, rows = {}, {}
    for name in sorted(store.modalities):
        here = store.present(name)[positions]
        signals[name] = torch.from_numpy(store.gather(name, positions[here]))
        rows[name] = torch.from_numpy(np.where(here, np.cumsum(here) - 1, -1))
    labels = _tensor([names.index(label) for label in chosen["label"]])
    return Samples(signals, rows, torch.ones(len(windows)), labels, names, windows)


def _rows(stores: Sequence[WindowStore]) -> tuple[dict[str, Tensor], dict[str, dict[str, int]]]:
    """Per modality: the signals of all stores, and the row of each window that has it."""
    signals: dict[str, Tensor] = {}
    where: dict[str, dict[str, int]] = {}
    for name in modalities_of(stores):
        parts: list[Tensor] = []
        rows: dict[str, int] = {}
        for store in stores:
            here = np.flatnonzero(store.present(name))
            first = sum(len(part) for part in parts)
            rows |= {store.ids[position]: first + number for number, position in enumerate(here)}
            if len(here):
                parts.append(torch.from_numpy(store.gather(name, here)))
        if parts:
            signals[name], where[name] = torch.cat(parts), rows
    return signals, where


def _refuse_stale(stores: Sequence[WindowStore], where: Mapping[str, Mapping[str, int]], pairs: pl.DataFrame) -> None:
    known = {window for store in stores for window in store.ids}
    roles = ", ".join(store.path.name for store in stores)
    hint = "The pairs are older than the roles: run the stage 'bind' again (dvc repro bind)."
    for column in ("anchor", "partner"):
        for window in pairs[column]:
            if window not in known:
                raise InputError(f"The pairs name the {column} {window!r}, which no role ({roles}) holds.", hint=hint)
    for partner, modality in pairs.select("partner", "borrowed_modality").iter_rows():
        if partner not in where.get(modality, {}):
            raise InputError(f"The pairs borrow {modality!r} from {partner!r}, which has none.", hint=hint)


def _tensor(values: Sequence[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)

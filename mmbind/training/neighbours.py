"""Edges between windows by every modality that both have.

The binding knows one modality and two windows of different sources. Where a third window, say
of the target, has more in common with either, it says more: the windows' likeness is the mean
over all modalities that both have, each compared as the binding compares the shared one (time
may be warped: :mod:`mmbind.binding.rerank`), and corrected for hubs by CSLS (A. Conneau et
al., "Word translation without parallel data", ICLR 2018, arXiv 1710.04087, equation 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from scipy import sparse

from mmbind.binding.rerank import warped_correlation
from mmbind.binding.rerank.views import views_of
from mmbind.binding.rerank.warping import Series
from mmbind.config import Neighbours
from mmbind.encoders.representations import shortened
from mmbind.learning.samples import Samples

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Windows that are compared with all others at once.
BLOCK = 512
#: Best candidates whose mean likeness tells how crowded a window's surroundings are (CSLS).
CROWD = 10


def neighbour_graph(samples: Samples, groups: Ints, settings: Neighbours) -> sparse.csr_array:
    """Joins every window with those of each group that are most like it.

    Exact by the cosine of the views as recorded, of which the ``candidates`` best of each
    group are warped. Memory: O(windows x groups x candidates), and a block of cosines.

    Args:
        samples: the windows, with any modalities.
        groups: group of each window (windows,), its role, from 0 on; the last is the target.
        settings: how many, how they are compared, and whether across roles.

    Returns:
        float64 (windows, windows): the edges from a window to a group that it may be joined with sum to 1 / groups;
        windows that have no modality in common are not joined.

    Raises:
        InputError: for a view that needs sensors of three axes, where they have others.
    """
    views, rows = _views(samples, settings)
    columns, _ = _candidates(views, rows, groups, settings)
    return _edges(columns, _likeness(views, rows, columns, settings.band), settings)


def learned_graph(features: Mapping[str, tuple[Series, Ints]], groups: Ints, settings: Neighbours) -> sparse.csr_array:
    """The same by the features of a trained model, without warping.

    Args:
        features: per modality, float32 (rows, features), and the row of every window, -1 where it lacks it.
        groups: group of each window (windows,), its role; the last is the target.
        settings: how many, and whether across roles; what they say of signals plays no part.

    Returns:
        As :func:`neighbour_graph`.
    """
    values = {name: found for name, (found, _) in features.items()}
    rows = {name: row for name, (_, row) in features.items()}
    return _edges(*_candidates(values, rows, groups, settings), settings)


def _edges(columns: Ints, scores: Floats, settings: Neighbours) -> sparse.csr_array:
    """The edges to the best candidates of each group, by CSLS."""
    count, number = len(columns), columns.shape[1] // settings.candidates
    crowd = _crowd(scores)
    nearness = 2 * scores - crowd[:, None] - crowd[np.maximum(columns, 0)]
    anchors, partners, weights = [], [], []
    for group in range(number):
        place = slice(group * settings.candidates, (group + 1) * settings.candidates)
        order = np.argsort(-nearness[:, place], axis=1, kind="stable")[:, : settings.partners]
        best = np.take_along_axis(nearness[:, place], order, axis=1)
        found = np.isfinite(best)
        top = np.where(found, best, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
        share = np.where(found, np.exp((best - np.where(np.isfinite(top), top, 0)) / settings.temperature), 0.0)
        share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-300) * number
        anchor, rank = np.nonzero(found)
        anchors.append(anchor)
        partners.append(np.take_along_axis(columns[:, place], order, axis=1)[anchor, rank])
        weights.append(share[anchor, rank])
    entries = np.concatenate(weights), (np.concatenate(anchors), np.concatenate(partners))
    return sparse.csr_array(sparse.coo_array(entries, shape=(count, count)))


def _views(samples: Samples, settings: Neighbours) -> tuple[dict[str, Series], dict[str, Ints]]:
    """Per modality what is compared, and the row of every window in it, -1 where it lacks it.

    Signals are read in pieces and shortened at once.
    """
    views, rows = {}, {}
    for name in sorted(samples.signals):
        held: list[Ints] = []
        short: list[Series] = []
        for numbers, block in samples.numbered_blocks(name):
            held.append(numbers.numpy())
            short.append(shortened(block.numpy(), settings.steps))
        if held:
            view = settings.views.get(name, "centred")
            views[name] = views_of({name: np.concatenate(short)}, view, settings.steps)[name]
            own = samples.rows[name].numpy()
            rows[name] = np.where(own >= 0, np.searchsorted(np.concatenate(held), own), -1)
    return views, rows


def _candidates(
    views: Mapping[str, Series], rows: Mapping[str, Ints], groups: Ints, settings: Neighbours
) -> tuple[Ints, Floats]:
    """The windows of each group most like each window, by the mean cosine of their views.

    Returns:
        int64 (windows, groups x wanted), group after group; -1 where there are fewer. Their
        cosines, -inf there.
    """
    wanted, target = settings.candidates, int(groups.max())
    members = [np.flatnonzero(groups == group) for group in range(target + 1)]
    chosen = np.full((len(groups), len(members) * wanted), -1, dtype=np.int64)
    found = np.full(chosen.shape, -np.inf)
    for first, cosines in _cosines(views, rows):
        for group, member in enumerate(members):
            part = cosines[:, member]
            if not settings.across and group != target:
                own = groups[first : first + len(part)]
                part = np.where(((own == group) | (own == target))[:, None], part, -np.inf)
            order = np.argsort(-part, axis=1, kind="stable")[:, :wanted]
            best = np.take_along_axis(part, order, axis=1)
            known = np.isfinite(best)
            place = slice(group * wanted, group * wanted + order.shape[1])
            chosen[first : first + len(part), place] = np.where(known, member[order], -1)
            found[first : first + len(part), place] = best
    return chosen, found


def _cosines(views: Mapping[str, Series], rows: Mapping[str, Ints]) -> Iterator[tuple[int, Series]]:
    """Blocks of the mean cosines over common modalities, from their first row on; -inf for none or itself."""
    units = {}
    for name, view in views.items():
        flat = view.reshape(len(view), -1)
        size = np.sqrt((flat.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
        here = rows[name] >= 0
        unit = np.zeros((len(here), flat.shape[1]), dtype=np.float32)
        unit[here] = (flat / np.maximum(size, 1e-12))[rows[name][here]]
        units[name] = unit
    presence = np.stack([rows[name] >= 0 for name in views]).astype(np.float32)
    count = presence.shape[1]
    for first in range(0, count, BLOCK):
        part = slice(first, min(first + BLOCK, count))
        common = presence[:, part].T @ presence
        total = np.zeros_like(common)
        for unit in units.values():
            total += unit[part] @ unit.T
        cosines = np.where(common > 0, total / np.maximum(common, 1), -np.inf).astype(np.float32)
        cosines[np.arange(cosines.shape[0]), np.arange(part.start, part.stop)] = -np.inf
        yield first, cosines


def _likeness(views: dict[str, Series], rows: dict[str, Ints], columns: Ints, band: int) -> Floats:
    """The mean warped correlation over common modalities, float64 (windows, candidates); -inf for none."""
    total, common = np.zeros(columns.shape), np.zeros(columns.shape)
    for name, view in views.items():
        own = rows[name]
        here = np.flatnonzero(own >= 0)
        candidates = np.where(columns[here] >= 0, own[np.maximum(columns[here], 0)], -1)
        scores = warped_correlation(view[own[here]], view, candidates, band)
        total[here] += np.where(candidates >= 0, scores, 0.0)
        common[here] += candidates >= 0
    return np.where(common > 0, total / np.maximum(common, 1), -np.inf)


def _crowd(scores: Floats) -> Floats:
    """Mean likeness of the best candidates of each window; 0 where it has none."""
    best = -np.sort(-scores, axis=1)[:, :CROWD]
    known = np.isfinite(best)
    return np.asarray(np.where(known, best, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), dtype=np.float64)

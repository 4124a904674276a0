"""Two controls for pairing: graphs whose edges are drawn, not found."""

from __future__ import annotations

import numpy as np
import polars as pl

from mmbind.binding.graph import Graph, Ints, build_graph


def random_graph(anchors: int, lenders: int, partners: int, seed: int) -> Graph:
    """Every anchor with partners drawn among all lenders, without repeats.

    Args:
        anchors: how many there are.
        lenders: how many there are.
        partners: how many each anchor gets, at most all.
        seed: of the draw.
    """
    generator = np.random.default_rng(seed)
    count = min(partners, lenders)
    drawn = [generator.choice(lenders, count, replace=False) for _ in range(anchors)]
    return _drawn_graph(np.repeat(np.arange(anchors), count), np.concatenate(drawn), (anchors, lenders))


def same_class_graph(ours: pl.Series, theirs: pl.Series, partners: int, seed: int) -> Graph:
    """Every labelled anchor with partners drawn among the lenders of its label.

    Args:
        ours: true labels of the anchors; null where unknown.
        theirs: true labels of the lenders.
        partners: how many each anchor gets, at most all of its label.
        seed: of the draw.
    """
    generator = np.random.default_rng(seed)
    groups = {label: np.flatnonzero((theirs == label).fill_null(value=False)) for label in theirs.drop_nulls().unique()}
    rows: list[Ints] = []
    columns: list[Ints] = []
    for row, label in enumerate(ours):
        group = groups.get(label, np.empty(0, dtype=np.int64))
        drawn = generator.choice(group, min(partners, len(group)), replace=False) if len(group) else group
        rows.append(np.full(len(drawn), row, dtype=np.int64))
        columns.append(drawn.astype(np.int64))
    return _drawn_graph(np.concatenate(rows), np.concatenate(columns), (len(ours), len(theirs)))


def _drawn_graph(rows: Ints, columns: Ints, shape: tuple[int, int]) -> Graph:
    ones = np.ones(len(rows))
    return build_graph(rows, columns, ones, ones, shape)

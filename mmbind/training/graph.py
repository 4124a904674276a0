"""The binding as a weighted graph between windows: what pre-training and propagation walk on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from scipy import sparse
from torch import Tensor

from mmbind.errors import InputError


@dataclass(frozen=True)
class WindowGraph:
    """Pairs as edges between nodes.

    Attributes:
        windows: ids of the nodes.
        weights: edge from anchor to partner, float64 (nodes, nodes), in [0, 1]; each anchor's
            sum to 1 at most per borrowed modality.
    """

    windows: list[str]
    weights: sparse.csr_array

    @classmethod
    def of(cls, windows: Sequence[str], pairs: pl.DataFrame) -> Self:
        """Takes a binding's pairs as edges.

        Where an anchor borrows several modalities from one partner, the heaviest loan counts.

        Args:
            windows: ids of the nodes, in the order of the samples.
            pairs: ``schema.PAIRS``.

        Raises:
            InputError: when a pair names a window that is no node.
        """
        number = pl.DataFrame({"window": list(windows), "node": np.arange(len(windows))})
        edges = (
            pairs.select("anchor", "partner", "weight")
            .join(number.rename({"window": "anchor", "node": "row"}), on="anchor", how="left", maintain_order="left")
            .join(
                number.rename({"window": "partner", "node": "column"}), on="partner", how="left", maintain_order="left"
            )
        )
        if lost := edges["row"].null_count() + edges["column"].null_count():
            raise InputError(
                f"{lost} windows of the pairs are not among the windows that train.",
                hint="The pairs are older than the roles: run the stage 'bind' again (dvc repro bind).",
            )
        heaviest = edges.group_by("row", "column").agg(pl.col("weight").max()).sort("row", "column")
        shape = (len(windows), len(windows))
        matrix = sparse.coo_array(
            (heaviest["weight"].to_numpy(), (heaviest["row"].to_numpy(), heaviest["column"].to_numpy())), shape=shape
        )
        return cls(list(windows), sparse.csr_array(matrix))

    def partners(self, nodes: Tensor, generator: torch.Generator) -> Tensor:
        """Draws a partner for each node, by weight.

        Args:
            nodes: int64 (n,).
            generator: the only source of randomness.

        Returns:
            int64 (n,): the partner, or the node itself where it has none.
        """
        draws = torch.rand(len(nodes), generator=generator).double().numpy()
        starts, columns = self.weights.indptr, self.weights.indices
        totals = self._running
        chosen = nodes.numpy().copy()
        first, last = starts[chosen], starts[chosen + 1]
        below = totals[first]
        wanted = below + draws * (totals[last] - below)
        place = np.searchsorted(totals, wanted, side="right") - 1
        place = np.clip(place, first, np.maximum(last - 1, first))
        has = totals[last] > below
        chosen[has] = columns[place[has]]
        return torch.from_numpy(chosen.astype(np.int64))

    @cached_property
    def _running(self) -> npt.NDArray[np.float64]:
        """Sum of the weights before each edge (edges + 1)."""
        return np.concatenate([[0.0], np.cumsum(self.weights.data)])

    def affinity(self, nodes: Tensor) -> Tensor:
        """Affinity of some nodes, float32 (n, n): the heavier of both directions; 1 on the diagonal.

        A node that stands there twice is fully connected with itself.

        Args:
            nodes: int64 (n,), with repeats.
        """
        chosen = nodes.numpy()
        part = self.weights[chosen][:, chosen].toarray()
        both = np.maximum(part, part.T)
        both[chosen[:, None] == chosen[None, :]] = 1.0
        return torch.from_numpy(both.astype(np.float32))

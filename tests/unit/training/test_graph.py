"""The binding as a graph of windows."""

import numpy as np
import polars as pl
import pytest
import torch

from mmbind.errors import InputError
from mmbind.schema import PAIRS
from mmbind.training.graph import WindowGraph

WINDOWS = ["a", "b", "c", "d"]


def pairs(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    full = [(a, "s", b, "t", "acc", m, 0.9, 1, None, False, w) for a, b, m, w in rows]
    return pl.DataFrame(full, schema=dict(PAIRS), orient="row")


GRAPH = WindowGraph.of(
    WINDOWS, pairs(("a", "c", "gyro", 0.75), ("a", "d", "gyro", 0.25), ("a", "d", "mag", 0.5), ("c", "a", "mag", 0.9))
)


def test_edges_are_the_heaviest_loans() -> None:
    expected = np.zeros((4, 4))
    expected[0, 2], expected[0, 3], expected[2, 0] = 0.75, 0.5, 0.9
    np.testing.assert_array_equal(GRAPH.weights.toarray(), expected)


def test_partners_are_drawn_by_weight() -> None:
    nodes = torch.zeros(5000, dtype=torch.int64)
    drawn = GRAPH.partners(nodes, torch.Generator().manual_seed(0)).numpy()
    assert set(drawn) == {2, 3}
    assert (drawn == 2).mean() == pytest.approx(0.75 / 1.25, abs=0.03)
    others = GRAPH.partners(torch.tensor([2, 1, 3, 1]), torch.Generator().manual_seed(0))
    assert others.tolist() == [0, 1, 3, 1]  # a window without partners stands for itself


def test_affinity_is_symmetric_and_whole_on_the_diagonal() -> None:
    found = GRAPH.affinity(torch.tensor([0, 2, 2, 1]))
    expected = torch.tensor([[1, 0.9, 0.9, 0], [0.9, 1, 1, 0], [0.9, 1, 1, 0], [0, 0, 0, 1]])
    torch.testing.assert_close(found, expected)


def test_unknown_windows_are_refused() -> None:
    with pytest.raises(InputError, match="1 windows of the pairs"):
        WindowGraph.of(["a", "c"], pairs(("a", "z", "gyro", 1.0)))

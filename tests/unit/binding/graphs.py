"""Random graphs of candidates, also with empty rows, ties and hubs."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from mmbind.binding.graph import Graph, build_graph


def random_graph(height: int, width: int, density: float, levels: int, seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((height, width)) < density)
    scores = rng.integers(-levels, levels + 1, len(rows)) / levels
    return build_graph(rows, columns, scores, scores, (height, width))


graphs = st.builds(
    random_graph,
    height=st.integers(1, 25),
    width=st.integers(1, 25),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    levels=st.sampled_from([1, 3, 1000]),
    seed=st.integers(0, 10_000),
)


def edges_of(graph: Graph) -> dict[tuple[int, int], float]:
    return dict(zip(zip(graph.anchors.tolist(), graph.lenders.tolist(), strict=True), graph.scores, strict=True))

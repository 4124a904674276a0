"""Re-ranking and rules beside the search that they follow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.binding.embeddings import at_scale
from benchmarks.binding.timing import in_turn, ratio
from benchmarks.results import table
from mmbind.binding.graph import build_graph
from mmbind.binding.rerank import warped_correlation
from mmbind.binding.search.exact import exact_nearest
from mmbind.binding.select import build_rule
from mmbind.config.binding import Csls, Transport

#: Candidates per query, and what is warped.
CANDIDATES, STEPS, CHANNELS, BAND = 50, 60, 3, 8


def section(size: int, rounds: int) -> str:
    """Time warping of 50 candidates each, and rules on the candidates of both directions."""
    with TemporaryDirectory() as folder:
        queries, lenders = (np.array(side) for side in at_scale(Path(folder), size))
    forth, back = exact_nearest(queries, lenders, CANDIDATES), exact_nearest(lenders, queries, CANDIDATES)
    rows = np.repeat(np.arange(size), CANDIDATES)
    similarities = np.concatenate([forth.similarities.ravel(), back.similarities.ravel()])
    graph = build_graph(
        np.concatenate([rows, back.positions.ravel()]),
        np.concatenate([forth.positions.ravel(), rows]),
        similarities,
        similarities,
        (size, size),
    )
    ours, theirs = (np.random.default_rng(i).normal(size=(size, STEPS, CHANNELS)).astype(np.float32) for i in (0, 1))
    works: dict[str, Callable[[], object]] = {
        "search": lambda: exact_nearest(queries, lenders, CANDIDATES),
        "warp": lambda: warped_correlation(ours, theirs, forth.positions, BAND),
        "transport": lambda: build_rule(Transport()).select(graph, 1),
        "csls": lambda: build_rule(Csls()).select(graph, 1),
    }
    graph.transposed.starts  # noqa: B018 - made once for all rules
    for name in ("transport", "csls"):
        works[name]()  # compiles
    warped_correlation(ours[:8], theirs, forth.positions[:8], BAND)
    times = in_turn(works, rounds)
    names = {
        "search": ("exact search, 50 candidates", ""),
        "warp": (f"DTW of 50 candidates ({STEPS} steps, {CHANNELS} channels, band {BAND})", "1"),
        "transport": (f"transport on {len(graph.lenders):,} edges", "0.25"),
        "csls": ("CSLS on the same", ""),
    }
    lines = [
        [title, f"{median(times[name]):.2f}", f"{ratio(times, name, 'search'):.2f}", wanted]
        for name, (title, wanted) in names.items()
    ]
    return f"{size:,} anchors and lenders:\n\n" + table(["", "s", "of the search", "wanted at most"], lines)

"""Search: exact beside bare ``faiss.knn``, approximate beside exact."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import faiss
import numpy as np

from benchmarks.binding.embeddings import Windows, at_scale
from benchmarks.binding.timing import in_turn, ratio, seconds_of
from benchmarks.results import table
from mmbind.binding.search import nearest
from mmbind.binding.search.approximate import Cells, Effort
from mmbind.binding.search.exact import exact_nearest
from mmbind.config.binding import Search


def bare(queries: Windows, lenders: Windows, k: int) -> None:
    """What the floor is: one call of FAISS, with all threads."""
    faiss.knn(np.ascontiguousarray(queries), np.ascontiguousarray(lenders), k, metric=faiss.METRIC_INNER_PRODUCT)


def exact_section(sizes: list[int], rounds: int) -> str:
    """Exact search, ids proven, beside bare products."""
    rows = []
    with TemporaryDirectory() as folder:
        queries, lenders = (np.array(side) for side in at_scale(Path(folder), max(sizes)))
    exact_nearest(queries[:64], lenders[:512], 2)  # compiles
    for size in sizes:
        for k in (1, 64):
            works: dict[str, Callable[[], object]] = {"knn": partial(bare, queries[:size], lenders[:size], k)}
            works["exact"] = partial(exact_nearest, queries[:size], lenders[:size], k)
            times = in_turn(works, rounds if size < 100_000 else 1 + rounds // 3)
            seconds = [f"{median(times[name]):.2f}" for name in works]
            rows.append([f"{size:,} x {size:,}", k, *seconds, f"{ratio(times, 'exact', 'knn'):.2f}"])
            print(*rows[-1], file=sys.stderr, flush=True)
    return "Exact search (scored again in float64, thread-independent), 128 dimensions:\n\n" + table(
        ["", "k", "faiss.knn, s", "exact, s", "ratio (wanted: 1.1)"], rows
    )


def approximate_section(size: int, k: int = 1, share: float = 0.02) -> str:
    """The whole job with index, tuning and proof, beside exact search timed on a share of the queries."""
    with TemporaryDirectory() as folder:
        made = seconds_of(lambda: at_scale(Path(folder), size))
        queries, lenders = (np.load(Path(folder) / f"{name}.npy", mmap_mode="r") for name in ("anchors", "lenders"))
        some = np.array(queries[:: round(1 / share)])
        floor = seconds_of(lambda: bare(some, lenders, k)) / len(some) * len(queries)
        answers = []
        whole = seconds_of(lambda: answers.append(nearest(queries, lenders, k, Search())))
        method = answers[0].method
        print(method, file=sys.stderr, flush=True)
        if "proof" not in method:
            return f"{size:,} x {size:,}: searched exactly ({method['because']})."
        effort = Effort(method["cells_read"], method["candidates_by_code"] // k)
        index = Cells(lenders, k)
        answering = seconds_of(lambda: index.answer(some, effort)) / len(some) * len(queries)
        truth = exact_nearest(some, lenders, k)
        mine = answers[0].positions[:: round(1 / share)]
        recall = float((truth.positions[:, :, None] == mine[:, None, :]).any(axis=2).mean())
    proof = method["proof"]
    rows = [
        ["faiss.knn, extrapolated from the share timed", f"{floor:.0f}", "1"],
        ["mmbind, answers alone (wanted: 20)", f"{answering:.0f}", f"{floor / answering:.1f}"],
        ["mmbind, index, tuning and proof included (wanted: 8)", f"{whole:.0f}", f"{floor / whole:.1f}"],
    ]
    return (
        f"Approximate search, {size:,} x {size:,}, k = {k}, 128 dimensions (embeddings made in {made:.0f} s, not "
        f"counted): {method['method']}, {method['cells_read']} cells and {method['candidates_by_code']} codes read. "
        f"Proven: recall@{k} >= {proof['recall']:.4f} with {proof['confidence']:.0%} confidence "
        f"({proof['misses']} misses in {proof['holdout']}); measured on {len(mine):,} queries: {recall:.4f}.\n\n"
        + table(["", "s", "times as fast"], rows)
    )

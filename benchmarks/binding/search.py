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
from benchmarks.measure import python, run
from benchmarks.results import table
from mmbind.binding.search import nearest
from mmbind.binding.search.approximate import Cells, Effort
from mmbind.binding.search.exact import exact_nearest
from mmbind.config.binding import Search
from mmbind.files import read_json, write_json

#: Searches of so many windows take tens of seconds; below, so many times as many rounds are made.
LARGE, QUICKLY = 100_000, 3


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
            in_turn(works, int(size < LARGE))  # threads start, pages are cached
            times = in_turn(works, rounds * QUICKLY if size < LARGE else 1 + rounds // 3)
            seconds = [f"{median(times[name]):.2f}" for name in works]
            rows.append([f"{size:,} x {size:,}", k, *seconds, f"{ratio(times, 'exact', 'knn'):.2f}"])
            print(*rows[-1], file=sys.stderr, flush=True)
    return "Scored again in float64, the same to the byte on any number of threads; 128 dimensions:\n\n" + table(
        ["", "k", "faiss.knn, s", "exact, s", "ratio (wanted: 1.1)"], rows
    )


def job(folder: str, k: str) -> None:
    """The whole search of ``mmbind bind``, between the files of a folder, and what it found."""
    queries, lenders = (np.load(Path(folder) / f"{name}.npy", mmap_mode="r") for name in ("anchors", "lenders"))
    found = nearest(queries, lenders, int(k), Search())
    np.save(Path(folder) / "positions.npy", found.positions)
    write_json(Path(folder) / "method.json", found.method)


def approximate_section(size: int, k: int = 1, share: float = 0.02) -> str:
    """The whole job with index, tuning and proof, beside exact search timed on a share of the queries.

    The job runs in a process of its own, so that its peak of memory can be told; its start counts.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = seconds_of(lambda: at_scale(folder, size))
        queries, lenders = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("anchors", "lenders"))
        some = np.array(queries[:: round(1 / share)])
        scale = len(queries) / len(some)
        floor = scale * seconds_of(lambda: bare(some, lenders, k))
        print(f"faiss.knn: {floor:.0f} s in all", file=sys.stderr, flush=True)
        whole = run(python("benchmarks.binding.search", folder, str(k)))
        method = read_json(folder / "method.json")
        print(method, whole, file=sys.stderr, flush=True)
        if "proof" not in method:
            return f"{size:,} x {size:,}: searched exactly ({method['because']})."
        effort = Effort(method["cells_read"], method["candidates_by_code"] // k)
        index = Cells(lenders, k)
        answering = scale * seconds_of(lambda: index.answer(some, effort))
        truth = exact_nearest(some, lenders, k)
        mine = np.load(folder / "positions.npy")[:: round(1 / share)]
        recall = float((truth.positions[:, :, None] == mine[:, None, :]).any(axis=2).mean())
    proof = method["proof"]
    rows = [
        ["faiss.knn, extrapolated from the share timed", f"{floor:.0f}", "1"],
        ["mmbind, answers alone (wanted: 20)", f"{answering:.0f}", f"{floor / answering:.1f}"],
        [
            "mmbind, index, tuning and proof included (wanted: 8)",
            f"{whole.seconds:.0f}",
            f"{floor / whole.seconds:.1f}",
        ],
    ]
    return (
        f"{size:,} x {size:,}, k = {k}, 128 dimensions, {share:.0%} of the queries timed (embeddings made in "
        f"{made:.0f} s, not counted): {method['method']}, {method['cells_read']} cells and "
        f"{method['candidates_by_code']} codes read. "
        f"Proven: recall@{k} >= {proof['recall']:.4f} with {proof['confidence']:.0%} confidence "
        f"({proof['misses']} misses in {proof['holdout']}); measured on {len(mine):,} queries: {recall:.4f}. "
        f"Peak memory of the whole job: {whole.peak_bytes / 2**30:.1f} GiB, with pages of the embeddings' files.\n\n"
        + table(["", "s", "times as fast"], rows)
    )


if __name__ == "__main__":
    job(*sys.argv[1:])

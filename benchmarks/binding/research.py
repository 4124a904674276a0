"""The pairing of the research code: all similarities at once, then the largest of each row.

``python -m benchmarks.binding.research WHAT ANCHORS LENDERS`` does one of the two, so that the
peak of memory can be told.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.binding.embeddings import at_scale
from benchmarks.measure import in_turn, python, ratio, run, typical
from benchmarks.results import table


def dense(anchors: str, lenders: str) -> None:
    """Cosines as a matrix of rows divided by their lengths, and argmax (MMBind's published code)."""
    one, other = (np.load(path) for path in (anchors, lenders))
    one, other = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (one, other))
    cosines = one @ other.T
    best = cosines.argmax(axis=1)
    print(best[:3], cosines[np.arange(len(best)), best].mean())


def ours(anchors: str, lenders: str) -> None:
    """The same partners by mmbind's search."""
    from mmbind.binding.search.exact import exact_nearest

    found = exact_nearest(np.load(anchors, mmap_mode="r"), np.load(lenders, mmap_mode="r"), 1)
    print(found.positions[:3, 0], found.similarities.mean())


def section(size: int, rounds: int) -> str:
    """Time and peak memory of both, each in a process of its own, start-up included."""
    with TemporaryDirectory() as folder:
        at_scale(Path(folder), size)
        paths = [Path(folder) / f"{name}.npy" for name in ("anchors", "lenders")]
        runs = in_turn(
            {
                what: lambda what=what: run(python("benchmarks.binding.research", what, *paths))  # type: ignore[misc]
                for what in ("dense", "ours")
            },
            rounds,
        )
    rows = [
        [title, f"{typical(runs[what]).seconds:.1f}", f"{typical(runs[what]).peak_bytes / 2**30:.2f}"]
        for what, title in (("dense", "dense cosines and argmax"), ("ours", "mmbind"))
    ]
    return (
        f"Nearest neighbours, {size:,} x {size:,} (mmbind takes "
        f"{ratio(runs['ours'], runs['dense']):.2f} of its time):\n\n" + table(["", "s", "peak GiB"], rows)
    )


if __name__ == "__main__":
    {"dense": dense, "ours": ours}[sys.argv[1]](*sys.argv[2:])

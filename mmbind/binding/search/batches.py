"""Batches of queries side by side: fixed batches, each computed by one thread.

A sum in a batch then never depends on how many threads there are, and no thread waits for
another one inside a batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import faiss

from mmbind.progress import progress

#: Queries per batch: few enough for equal shares, enough for the fast path of FAISS.
BATCH = 1024


def in_batches(work: Callable[[slice], None], count: int, what: str) -> None:
    """Calls ``work`` for every batch of ``count`` queries, on as many threads as there are cores.

    Args:
        work: fills its part of an answer.
        count: how many queries there are.
        what: a few words for the progress.
    """
    batches = [slice(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(min(cores, max(len(batches), 1)), initializer=one_thread) as pool:
        futures = [pool.submit(work, batch) for batch in batches]
        try:
            for future in progress(as_completed(futures), what, total=len(futures)):
                future.result()
        finally:
            for future in futures:
                future.cancel()


def one_thread() -> None:
    """Lets FAISS and its BLAS use the present thread only, when called from it."""
    faiss.omp_set_num_threads(1)

"""Approximate search whose recall is proven, or none.

Lenders are split into cells around sqrt(n) centroids; those of the cells nearest to a query
are compared by compressed codes of 4 bits per pair of dimensions, looked up in registers; codes
describe the difference to the centroid (of unit vectors the nearest has the largest cosine)
(IVF: H. Jegou et al., "Product quantization for nearest neighbor search", TPAMI 33, 2011;
fast scan: F. Andre et al., "Quicker ADC", TPAMI 43, 2021; both of FAISS). The best by code
are scored again in float64 on the stored vectors, so similarities are exact and the index
holds no copy of them. More cells and more candidates are read until a holdout of fresh
queries proves the recall that is asked for; where none of the settings does, the caller
searches exactly.

Centroids, codes and answers are computed by one thread per piece of work, so they do not
depend on how many threads there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np

from mmbind.binding.search.batches import in_batches, one_thread
from mmbind.binding.search.candidates import Candidates, Ints, Vectors
from mmbind.binding.search.exact import exact_nearest
from mmbind.binding.search.recall import bound_recall, holdout_size, recall_of
from mmbind.binding.search.rescore import lengths, rank
from mmbind.config.binding import Search
from mmbind.progress import progress

#: Below so many queries or lenders, building and proving cost more than they save.
LEAST = 20_000
#: Vectors per centroid that k-means learns from, and its rounds.
SAMPLE, ROUNDS = 64, 10
#: Queries that settings are tried on before the proof: enough to tell recalls of .996 and .998 apart.
TUNING = 2000
#: Proofs tried, each with a fresh holdout.
ATTEMPTS = 3
#: Candidates by code per neighbour that are tried, and up to how many in all the most of them are.
WIDENINGS, WIDEST = (4, 16, 64, 256), 1024
#: Queries that FAISS is asked at once: the tables of their cells must fit into the cache.
ASKED = 128
#: Vectors that are encoded together.
BLOCK = 1 << 16
#: Reading a cell takes as long as the exact products with half as many lenders (of 128 dimensions):
#: to look its codes up costs more than to compare them.
CELL = 3000
#: Seed of all draws.
SEED = 20250


@dataclass(frozen=True)
class Effort:
    """How much is read per query.

    Attributes:
        cells: how many.
        widening: candidates by code per neighbour asked for.
    """

    cells: int
    widening: int


def unsuited(queries: Vectors, lenders: Vectors, settings: Search) -> str:
    """Why an approximate search is not tried; empty when it is."""
    if settings.method == "exact":
        return "asked for"
    if min(len(queries), len(lenders)) < LEAST:
        return f"fewer than {LEAST} queries or lenders"
    pairs = _pairs(lenders.shape[1])
    if not pairs:
        return f"{lenders.shape[1]} dimensions cannot be coded in pairs"
    needed = _index_bytes(*lenders.shape) / 2**30
    if needed > settings.max_memory_gb:
        return f"an index would take {needed:.3g} GiB, more than max_memory_gb"
    return ""


def approximate_nearest(queries: Vectors, lenders: Vectors, k: int, settings: Search) -> Candidates | None:
    """Finds the k nearest lenders of every query, nearly all of them, and proves it.

    Args:
        queries: unit vectors, float32 (m, d).
        lenders: unit vectors, float32 (n, d).
        k: how many, at most n.
        settings: the recall and the confidence that are asked for.

    Returns:
        Candidates (m, k), or None where nothing faster than an exact search was proven.
    """
    generator = np.random.default_rng(SEED)
    index = Cells(lenders, k)
    tuning = _drawn(queries, TUNING, generator)
    truth = exact_nearest(tuning, lenders, k)
    efforts = _efforts(min(index.cells // 4, len(lenders) // CELL), k)
    slack = (1 - settings.recall) / 4  # what passes here by a margin should pass the proof
    attempt = 0
    for effort in progress(efforts, "search: settings tried"):
        if recall_of(truth, index.answer(tuning, effort)) < 1 - slack:
            continue
        holdout = _drawn(queries, holdout_size(settings.recall), generator)
        bound = bound_recall(
            exact_nearest(holdout, lenders, k),
            index.answer(holdout, effort),
            confidence=settings.confidence,
            attempts=ATTEMPTS,
            generator=generator,
        )
        if bound.recall >= settings.recall:
            found = index.answer(queries, effort, "search: batches of anchors")
            return Candidates(found.similarities, found.positions, index.described(effort, bound.to_dict()))
        attempt += 1
        if attempt == ATTEMPTS:
            break
    return None


def _efforts(most: int, k: int) -> list[Effort]:
    """Settings from cheap to dear, up to where an exact search is hardly slower."""
    efforts = []
    widenings = [one for one in WIDENINGS if one < max(WIDENINGS) or k * one <= WIDEST]
    read = 4
    while read <= max(most, 4):
        efforts += [Effort(read, widening) for widening in widenings]
        read *= 2
    return efforts


def _drawn(queries: Vectors, count: int, generator: np.random.Generator) -> Vectors:
    rows = np.sort(generator.choice(len(queries), min(count, len(queries)), replace=False))
    return np.ascontiguousarray(queries[rows])


def _pairs(dimensions: int) -> int:
    """Codes per vector: one per two dimensions; 0 where there is no even number of them."""
    return dimensions // 2 if dimensions % 4 == 0 else 0


def _index_bytes(count: int, dimensions: int) -> int:
    """Memory of an index while it is built: codes, ids (twice, for growing lists), centroids, sample."""
    cells = int(np.sqrt(count))
    return count * (_pairs(dimensions) // 2 + 8) * 2 + cells * dimensions * 4 * (1 + SAMPLE)


class Cells:
    """An index of some lenders."""

    def __init__(self, lenders: Vectors, k: int) -> None:
        """Learns the cells and encodes all lenders; k neighbours will be asked for."""
        self.cells = int(np.sqrt(len(lenders)))
        self._lenders, self._k = lenders, k
        self._lengths = lengths(lenders)
        self._name = f"IVF{self.cells},PQ{_pairs(lenders.shape[1])}x4fs"
        threads = faiss.omp_get_max_threads()
        one_thread()
        try:
            self._index = self._build()
        finally:
            faiss.omp_set_num_threads(threads)

    def _build(self) -> Any:
        lenders = self._lenders
        index: Any = faiss.index_factory(lenders.shape[1], self._name, faiss.METRIC_L2)
        index.by_residual = True
        index.cp.niter, index.cp.max_points_per_centroid = ROUNDS, SAMPLE
        rows = np.random.default_rng(SEED).choice(len(lenders), min(self.cells * SAMPLE, len(lenders)), replace=False)
        index.train(np.ascontiguousarray(lenders[np.sort(rows)]))
        for start in progress(range(0, len(lenders), BLOCK), "search: blocks of lenders indexed"):
            index.add(np.ascontiguousarray(lenders[start : start + BLOCK]))
        return index

    def answer(self, queries: Vectors, effort: Effort, what: str = "search: batches tried") -> Candidates:
        """The k best of what an effort finds, scored in float64."""
        out = Candidates.empty(len(queries), self._k)
        norms = lengths(queries)
        wanted = min(self._k * effort.widening, len(self._lenders))

        def work(batch: slice) -> None:
            asked = np.ascontiguousarray(queries[batch])
            parameters: Any = faiss.SearchParametersIVF()
            parameters.nprobe = effort.cells
            parts = [asked[start : start + ASKED] for start in range(0, len(asked), ASKED)]
            proposed: Ints = np.concatenate([self._index.search(one, wanted, params=parameters)[1] for one in parts])
            rank(
                asked,
                norms[batch],
                self._lenders,
                self._lengths,
                proposed,
                out.similarities[batch],
                out.positions[batch],
            )

        in_batches(work, len(queries), what)
        return out

    def described(self, effort: Effort, bound: dict[str, Any]) -> dict[str, Any]:
        """The method, for the manifest."""
        return {
            "method": f"{self._name}, scored in float64",
            "cells_read": effort.cells,
            "candidates_by_code": self._k * effort.widening,
            "proof": bound,
        }

"""What an earlier binding searched and warped, so that a few new windows cost only themselves.

An exact search is a function of each pair of windows alone. So, as long as neither window of
a pair has changed, its similarity and its score hold. When windows come, go or change:

* a window that is new, has changed, or has lost a candidate is searched among all lenders;
* the others keep their candidates and are searched among the new lenders only; the best of
  both are the best of all.

The outcome has the bytes of a search from nothing. An approximate search depends on all
windows at once, since its index does: it is made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from mmbind.binding.search import Candidates
from mmbind.binding.search.candidates import Floats, Ints, Vectors
from mmbind.binding.search.exact import exact_nearest
from mmbind.files import whole_folder, write_npy

Names = npt.NDArray[np.str_]
#: Arrays of a memory, one file each.
_ARRAYS = ("queries", "lenders", "positions", "similarities", "scores")


@dataclass(frozen=True)
class Memory:
    """An earlier search.

    Attributes:
        queries: what each query was, see :func:`contents` (m).
        lenders: what each lender was (n).
        positions: rows of the lenders, int64 (m, k).
        similarities: float64 (m, k).
        scores: float64 (m, k).
    """

    queries: Names
    lenders: Names
    positions: Ints
    similarities: Floats
    scores: Floats

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Reads a memory; None when there is none, or it is damaged."""
        try:
            arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _ARRAYS}
        except (OSError, ValueError, EOFError):
            return None
        m, k = arrays["positions"].shape
        shapes = {name: arrays[name].shape for name in _ARRAYS if name != "lenders"}
        whole = {"queries": (m,), **dict.fromkeys(("positions", "similarities", "scores"), (m, k))}
        return cls(**arrays) if shapes == whole else None

    def save(self, folder: Path) -> None:
        """Writes it whole."""
        with whole_folder(folder) as place:
            for name in _ARRAYS:
                write_npy(place / f"{name}.npy", getattr(self, name))


@dataclass(frozen=True)
class Updated:
    """A search that took over what still holds.

    Attributes:
        found: the candidates, as a search from nothing gives them.
        scores: of rows whose candidates are those of before, float64 (m, k); NaN elsewhere.
        searched: rows that were searched among all lenders.
        fresh: lenders that the other rows were searched among.
        why: why all rows were searched; empty when they were not.
    """

    found: Candidates
    scores: Floats
    searched: int
    fresh: int
    why: str


def contents(windows: Sequence[str], *rows: npt.NDArray[np.float32]) -> Names:
    """Names what windows are: id and everything that comparing them reads.

    Args:
        windows: ids (n).
        rows: per window, embeddings and what is warped, (n, ...) each.

    Returns:
        One digest per window (n).
    """
    flat = [np.ascontiguousarray(values).reshape(len(windows), -1) for values in rows]
    digests = []
    for place, window in enumerate(windows):
        digest = hashlib.blake2b(window.encode(), digest_size=16)
        for values in flat:
            digest.update(values[place].tobytes())
        digests.append(digest.hexdigest())
    return np.array(digests, dtype="U32")


def update(
    memory: Memory | None, queries: Vectors, ours: Names, lenders: Vectors, theirs: Names, k: int, device: str
) -> Updated:
    """Finds the k most similar lenders of every query, exactly, from what is remembered.

    Args:
        memory: an earlier search; None for none.
        queries: unit vectors, float32 (m, d).
        ours: what each query is (m).
        lenders: unit vectors, float32 (n, d), in the order in which ties are won.
        theirs: what each lender is (n).
        k: how many to find; at most n are.
        device: where products are computed.
    """
    wanted = min(k, len(lenders))
    scores = np.full((len(queries), wanted), np.nan)
    why = _unusable(memory, ours, wanted)
    if memory is None or why:
        return Updated(exact_nearest(queries, lenders, k, device), scores, len(queries), 0, why)
    new_place = _places(memory.lenders, theirs)
    before = _places(ours, memory.queries)
    known = before >= 0
    moved = np.full((len(queries), memory.positions.shape[1]), -1, dtype=np.int64)
    moved[known] = new_place[memory.positions[before[known]]]
    holds = known & (moved >= 0).all(axis=1)
    fresh = np.flatnonzero(_places(theirs, memory.lenders) < 0)
    out = Candidates.empty(len(queries), wanted)
    stale, kept = np.flatnonzero(~holds), np.flatnonzero(holds)
    if len(stale):
        anew = exact_nearest(np.ascontiguousarray(queries[stale]), lenders, k, device)
        out.positions[stale], out.similarities[stale] = anew.positions, anew.similarities
    if len(kept):
        places, values = moved[kept], memory.similarities[before[kept]]
        if len(fresh):
            among = exact_nearest(np.ascontiguousarray(queries[kept]), np.ascontiguousarray(lenders[fresh]), k, device)
            places = np.concatenate([places, fresh[among.positions]], axis=1)
            values = np.concatenate([values, among.similarities], axis=1)
        order = np.lexsort((places, -values), axis=1)[:, :wanted]
        out.positions[kept] = np.take_along_axis(places, order, axis=1)
        out.similarities[kept] = np.take_along_axis(values, order, axis=1)
        if moved.shape[1] >= wanted:
            same = (out.positions[kept] == moved[kept][:, :wanted]).all(axis=1)
            scores[kept[same]] = memory.scores[before[kept[same]]][:, :wanted]
    return Updated(out, scores, len(stale), len(fresh), "")


def _unusable(memory: Memory | None, ours: Names, wanted: int) -> str:
    """Why nothing of a memory can be used."""
    if memory is None:
        return "these roles were not searched before"
    if memory.positions.shape[1] < min(wanted, len(memory.lenders)):
        return "fewer candidates were remembered than are asked for"
    if not np.isin(ours, memory.queries).any():
        return "every window has another embedding: the encoder or its data have changed"
    return ""


def _places(names: Names, among: Names) -> Ints:
    """Where each name stands among others, int64; -1 where it does not."""
    order = np.argsort(among, kind="stable")
    if not len(among):
        return np.full(len(names), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(among, names, sorter=order), len(among) - 1)
    found = order[place]
    return np.where(among[found] == names, found, -1).astype(np.int64)

"""The embedding store: unit vectors beside the ids of their windows.

Layout of a store's folder::

    index.parquet    window (String), row (Int64, its row in vectors.npy), sorted by window
    vectors.npy      float32 (windows, dimensions), every row of length 1
    manifest.json    encoder, modality, dimensions, role, role_index, counts

Windows that could not be embedded are not in the index; the counts say why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.errors import InputError, MissingStageError
from mmbind.files import read_json, write_json, write_parquet
from mmbind.windows.store import WindowStore

Vectors = npt.NDArray[np.float32]

#: Largest deviation from 1 of the length of a stored vector.
UNIT_TOLERANCE = 1e-4
#: Vectors that are looked at together.
BLOCK = 8192


@dataclass(frozen=True)
class EmbeddingStore:
    """Embeddings on disk, read by memory map.

    Attributes:
        path: the store's folder.
        index: columns window and row.
        manifest: what the vectors are and what they were made of.
    """

    path: Path
    index: pl.DataFrame
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens a store.

        Raises:
            MissingStageError: when there is none.
        """
        if not (path / "manifest.json").is_file():
            raise MissingStageError(path, "embed")
        return cls(path, pl.read_parquet(path / "index.parquet").sort("window"), read_json(path / "manifest.json"))

    def __len__(self) -> int:
        """The number of embedded windows."""
        return self.index.height

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the embedded windows, sorted."""
        return self.index["window"].to_list()

    @cached_property
    def vectors(self) -> Vectors:
        """Unit vectors, float32 (windows, dimensions), in the order of :attr:`ids`.

        A memory map, but for a store whose rows lie in another order than its index.
        """
        stored: Vectors = np.load(self.path / "vectors.npy", mmap_mode="r", allow_pickle=False)
        rows = self.index["row"].to_numpy()
        in_order = len(stored) == len(rows) and bool((rows == np.arange(len(rows))).all())
        return stored if in_order else stored[rows]

    def content_digest(self) -> str:
        """SHA-256 (hex) of ids and vectors in sorted order: equal content, equal digest."""
        digest = hashlib.sha256(f"{len(self)} {self.manifest['dimensions']}\n".encode())
        digest.update("\n".join(self.ids).encode())
        for start in range(0, len(self), BLOCK):
            digest.update(np.ascontiguousarray(self.vectors[start : start + BLOCK]).tobytes())
        return digest.hexdigest()

    def check(self) -> None:
        """Makes sure that every vector has length 1.

        Raises:
            InputError: for a zero, non-finite or unscaled vector, naming its window.
        """
        for start in range(0, len(self), BLOCK):
            check_unit(self.ids[start : start + BLOCK], self.vectors[start : start + BLOCK], self.path)


def check_unit(windows: Sequence[str], vectors: Vectors, path: Path) -> None:
    """Makes sure that vectors have length 1.

    Args:
        windows: their window ids (n).
        vectors: float32 (n, dimensions).
        path: the store that holds or will hold them, for the message.

    Raises:
        InputError: for a vector that is zero, not finite, or of another length.
    """
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1))
    bad = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT_TOLERANCE))
    if len(bad):
        length = lengths[bad[0]]
        what = "holds NaN or infinity" if not np.isfinite(length) else "is zero" if length == 0 else "has not length 1"
        more = f" ({len(bad) - 1} more)" if len(bad) > 1 else ""
        raise InputError(
            f"{path}: the embedding of the window {windows[bad[0]]!r} {what}{more}.",
            hint="Look at the window's signals, or fit the shared encoder again (dvc repro fit-shared).",
        )


def index_digest(store: WindowStore) -> str:
    """SHA-256 (hex) of what pairing reads of a role: window ids, sources, who has what."""
    digest = hashlib.sha256()
    for column in ("window", "source"):
        digest.update("\n".join([column, *store.index[column], ""]).encode())
    for modality in sorted(store.modalities):
        digest.update(f"{modality}\n".encode() + store.present(modality).tobytes())
    return digest.hexdigest()


def write_embeddings(
    folder: Path,
    windows: Sequence[str],
    batches: Iterable[Vectors],
    dimensions: int,
    manifest: Mapping[str, Any],
) -> None:
    """Writes a store batch by batch, so that memory holds one batch only.

    Args:
        folder: an existing folder; the caller wraps it in ``whole_folder``.
        windows: window ids in the order of the vectors, sorted.
        batches: unit vectors, float32 (n, dimensions), together one per window.
        dimensions: size of a vector.
        manifest: what the vectors are.

    Raises:
        InputError: for a vector that has not length 1.
    """
    vectors = np.lib.format.open_memmap(
        folder / "vectors.npy", mode="w+", dtype=np.float32, shape=(len(windows), dimensions)
    )
    done = 0
    for batch in batches:
        check_unit(windows[done : done + len(batch)], batch, folder)
        vectors[done : done + len(batch)] = batch
        done += len(batch)
    vectors.flush()
    rows = pl.Series("row", range(len(windows)), dtype=pl.Int64)
    index = pl.DataFrame({"window": pl.Series(list(windows), dtype=pl.String), "row": rows})
    write_parquet(folder / "index.parquet", index)
    write_json(folder / "manifest.json", {**manifest, "dimensions": dimensions})

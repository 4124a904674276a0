"""The window store: an index and memory-mapped signals.

Layout of a store's folder::

    index.parquet               one row per window (schema.WINDOWS + row_<modality>)
    <modality>/00000.npy ...    float32, (windows, steps, channels), one file per shard
    manifest.json               modalities (steps, channels, unit, rate) and counts

``row_<modality>`` is the window's row in the shard's file, null where the window lacks the
modality. Sources, roles and truth are all stores, so every later room reads one format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.errors import InputError, MissingStageError, nearest
from mmbind.files import read_json, write_json, write_npy, write_parquet
from mmbind.schema import WINDOWS, Schema, conform

Signals = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ModalitySpec:
    """What a modality's arrays hold.

    Attributes:
        steps: samples per window.
        channels: channel names, in order.
        unit: SI unit of every channel.
        rate_hz: samples per second; None where windows are time-normalised.
    """

    steps: int
    channels: list[str]
    unit: str
    rate_hz: float | None


@dataclass(frozen=True)
class WindowStore:
    """A store on disk, read by memory map.

    Attributes:
        path: the store's folder.
        index: one row per window, sorted by window id.
        modalities: what each modality's arrays hold.
        counts: windows kept, and windows or recordings refused by reason.
    """

    path: Path
    index: pl.DataFrame
    modalities: dict[str, ModalitySpec]
    counts: dict[str, Any]

    @classmethod
    def open(cls, path: Path, *, stage: str) -> Self:
        """Opens a store.

        Args:
            path: its folder.
            stage: the stage that writes it, named when it is missing.

        Raises:
            MissingStageError: when there is no store.
        """
        if not (path / "manifest.json").is_file():
            raise MissingStageError(path, stage)
        manifest = read_json(path / "manifest.json")
        modalities = {name: ModalitySpec(**spec) for name, spec in manifest["modalities"].items()}
        return cls(path, pl.read_parquet(path / "index.parquet"), modalities, manifest["counts"])

    def __len__(self) -> int:
        """The number of windows."""
        return self.index.height

    @cached_property
    def ids(self) -> list[str]:
        """Window ids in index order."""
        return self.index["window"].to_list()

    @cached_property
    def _position(self) -> dict[str, int]:
        return {window: position for position, window in enumerate(self.ids)}

    def positions(self, windows: Sequence[str]) -> Positions:
        """Index positions (int64) of window ids.

        Raises:
            InputError: for an id that the store does not hold.
        """
        try:
            return np.array([self._position[window] for window in windows], dtype=np.int64)
        except KeyError as error:
            raise InputError(f"{self.path} holds no window {error.args[0]!r}.") from None

    def holds(self, window: str) -> bool:
        """Whether a window is in the store."""
        return window in self._position

    def present(self, modality: str) -> npt.NDArray[np.bool_]:
        """Whether each window has a modality, shape (windows,)."""
        if modality not in self.modalities:
            return np.zeros(len(self), dtype=np.bool_)
        return self.index[f"row_{modality}"].is_not_null().to_numpy()

    def files(self, modality: str) -> list[tuple[Path, int]]:
        """The signal files of a modality, each with its number of windows.

        One after another they hold the windows that have the modality, in index order.
        """
        if modality not in self.modalities:
            return []
        held = self.index.filter(pl.col(f"row_{modality}").is_not_null())
        counts = held.group_by("shard").len().sort("shard")
        return [(shard_path(self.path, modality, shard), count) for shard, count in counts.iter_rows()]

    def gather(self, modality: str, positions: Positions | None = None) -> Signals:
        """Signals of some windows, float32 (n, steps, channels), in the order asked for.

        Args:
            modality: which one.
            positions: index positions; all windows when None.

        Raises:
            InputError: when the store has no such modality, or a window lacks it.
        """
        if modality not in self.modalities:
            raise InputError(f"{self.path} has no modality {modality!r}.", hint=nearest(modality, self.modalities))
        chosen = np.arange(len(self), dtype=np.int64) if positions is None else positions
        index = self.index.select("window", "shard", row=f"row_{modality}")[chosen]
        if index["row"].null_count():
            window = index.filter(pl.col("row").is_null())["window"][0]
            raise InputError(f"{self.path}: the window {window!r} has no {modality!r}.")
        shards, rows = index["shard"].to_numpy(), index["row"].to_numpy()
        spec = self.modalities[modality]
        out = np.empty((len(chosen), spec.steps, len(spec.channels)), dtype=np.float32)
        for shard in np.unique(shards):
            here = np.flatnonzero(shards == shard)
            signals = np.load(shard_path(self.path, modality, int(shard)), mmap_mode="r", allow_pickle=False)
            out[here] = signals[rows[here]]
        return out


def shard_path(store: Path, modality: str, shard: int) -> Path:
    """Where a modality's signals of one shard lie."""
    return store / modality / f"{shard:05d}.npy"


class StoreWriter:
    """Writes a store shard by shard, so that memory holds one shard only.

    Call :meth:`add` per shard with windows in their final order (sorted by window id over
    the whole store), then :meth:`close`. The caller wraps the folder in ``whole_folder``.
    """

    def __init__(self, path: Path, modalities: Mapping[str, ModalitySpec]) -> None:
        """Starts an empty store in an existing folder."""
        self._path, self._modalities = path, dict(modalities)
        self._parts: list[pl.DataFrame] = []

    def add(self, index: pl.DataFrame, signals: Mapping[str, tuple[npt.NDArray[np.bool_], Signals]]) -> None:
        """Writes one shard.

        Args:
            index: its windows, columns of ``schema.WINDOWS`` but ``shard``.
            signals: per modality, which windows have it (n,) and their signals
                float32 (present windows, steps, channels). A missing modality is absent
                from all windows.
        """
        shard = len(self._parts)
        columns: list[pl.Expr | pl.Series] = [pl.lit(shard, dtype=pl.Int32).alias("shard")]
        for modality in self._modalities:
            present, values = signals.get(modality, (np.zeros(index.height, dtype=np.bool_), None))
            rows = np.where(present, np.cumsum(present) - 1, -1).astype(np.int32)
            columns.append(pl.Series(f"row_{modality}", rows).replace(-1, None).cast(pl.Int32).alias(f"row_{modality}"))
            if values is not None and len(values):
                write_npy(shard_path(self._path, modality, shard), values.astype(np.float32, copy=False))
        self._parts.append(index.with_columns(columns))

    def close(self, counts: Mapping[str, Any]) -> None:
        """Writes index and manifest."""
        schema: Schema = {**WINDOWS, **{f"row_{modality}": pl.Int32 for modality in self._modalities}}
        index = pl.concat(self._parts) if self._parts else pl.DataFrame(schema=schema)
        write_parquet(self._path / "index.parquet", conform(index, schema, table="window index"))
        specs = {name: asdict(spec) for name, spec in self._modalities.items()}
        write_json(self._path / "manifest.json", {"modalities": specs, "counts": dict(counts)})

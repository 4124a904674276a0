"""Windows by position out of memory-mapped arrays, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.errors import InputError
from mmbind.windows.store import ModalitySpec, Positions, Signals, WindowStore, shard_path


@dataclass(frozen=True)
class Gatherer:
    """One modality of some samples, wherever their windows lie.

    Only addresses are held in memory, 8 bytes a sample; signals stay in the page cache.

    Attributes:
        spec: steps and channels.
        blocks: the shards' arrays, memory-mapped, float32 (rows, steps, channels).
        block: block of each sample, int32 (samples,); -1 where the sample lacks the modality.
        row: row in that block, int32 (samples,).
    """

    spec: ModalitySpec
    blocks: list[Signals]
    block: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]

    @classmethod
    def of(cls, stores: Sequence[WindowStore], modality: str, windows: pl.Series) -> Self:
        """Finds the windows of some samples.

        Args:
            stores: where windows may lie; a window that lies in several is taken from the first that has it.
            modality: which one; at least one store has it.
            windows: id per sample, null for none.

        Raises:
            InputError: when two stores cut the modality differently.
        """
        spec: ModalitySpec | None = None
        blocks: list[Signals] = []
        places = []
        for store in stores:
            if modality not in store.modalities or not store.present(modality).any():
                continue
            known = store.modalities[modality]
            spec = spec or known
            if (spec.steps, spec.channels, spec.unit) != (known.steps, known.channels, known.unit):
                raise InputError(
                    f"{store.path}: windows of {modality!r} differ from those of another role "
                    f"in steps, channels or unit.",
                    hint="Give every source the same channels and units, then window again.",
                )
            here = store.index.filter(pl.col(f"row_{modality}").is_not_null())
            first = len(blocks)
            shards = here["shard"].unique().sort().to_list()
            blocks += [
                np.load(shard_path(store.path, modality, shard), mmap_mode="r", allow_pickle=False) for shard in shards
            ]
            numbers = dict(zip(shards, range(first, first + len(shards)), strict=True))
            places.append(
                here.select(
                    "window",
                    pl.col("shard").replace_strict(numbers, return_dtype=pl.Int32).alias("block"),
                    pl.col(f"row_{modality}").alias("row"),
                )
            )
        if spec is None:
            raise InputError(f"No role has the modality {modality!r}.")
        found = (
            windows.alias("window")
            .to_frame()
            .join(pl.concat(places).unique("window", keep="first"), on="window", how="left", maintain_order="left")
        )
        return cls(
            spec,
            blocks,
            found["block"].fill_null(-1).to_numpy(),
            found["row"].fill_null(-1).to_numpy().astype(np.int32),
        )

    def __call__(self, positions: Positions) -> tuple[Signals, npt.NDArray[np.bool_]]:
        """Gathers samples in the order asked for.

        Args:
            positions: of samples, int64 (n,).

        Returns:
            Signals float32 (n, steps, channels), zeros where absent, and which are present (n,).
        """
        block, row = self.block[positions], self.row[positions]
        present = block >= 0
        out = np.empty((len(positions), self.spec.steps, len(self.spec.channels)), dtype=np.float32)
        out[~present] = 0
        for number in np.unique(block[present]):
            here = np.flatnonzero(block == number)
            out[here] = self.blocks[number][row[here]]
        return out, present

"""Which windows stand together in a sample: an anchor's own modalities and those it borrows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import polars as pl

from mmbind.errors import InputError
from mmbind.windows.store import WindowStore


@dataclass(frozen=True)
class SampleTable:
    """Samples by window id.

    Attributes:
        frame: one row per sample, in the order of the pairs: anchor, rank (int32), weight and
            similarity (float64, the least of its pairs), and per modality ``window_<modality>``,
            the window that gives it (null where nobody does).
        modalities: sorted.
    """

    frame: pl.DataFrame
    modalities: list[str]

    def __len__(self) -> int:
        """The number of samples."""
        return self.frame.height

    @classmethod
    def of(cls, stores: Sequence[WindowStore], pairs: pl.DataFrame) -> Self:
        """Joins pairs to samples.

        Everything that an anchor borrows at one rank makes one sample: with two sources a
        sample per pair; with more, one sample may borrow from several partners. What an
        anchor has itself is never borrowed.

        Args:
            stores: of the roles that were bound.
            pairs: ``schema.PAIRS``; samples keep the order of their first row.

        Raises:
            InputError: when there are no pairs, or a pair names a window or a modality that
                the stores do not hold (the pairs are stale).
        """
        if not pairs.height:
            raise InputError(
                "There are no pairs to train on.", hint="See the binding report; lower the demands of bind."
            )
        having = {
            name: _having(stores, name) for name in sorted({name for store in stores for name in store.modalities})
        }
        having = {name: windows for name, windows in having.items() if len(windows)}
        _refuse_stale(stores, having, pairs)
        frame = pairs.group_by("anchor", "rank", maintain_order=True).agg(
            pl.col("weight").min(), pl.col("similarity").min()
        )
        for name, windows in having.items():
            lent = pairs.filter(pl.col("borrowed_modality") == name).unique(["anchor", "rank"], keep="first")
            borrowed = lent.select("anchor", "rank", pl.col("partner").alias("lent"))
            frame = frame.join(borrowed, on=["anchor", "rank"], how="left", maintain_order="left")
            own = pl.when(pl.col("anchor").is_in(windows.implode())).then("anchor")
            frame = frame.with_columns(own.otherwise("lent").alias(f"window_{name}")).drop("lent")
        return cls(frame, sorted(having))


def _having(stores: Sequence[WindowStore], modality: str) -> pl.Series:
    """Ids of the windows that have a modality."""
    parts = [store.index["window"].filter(pl.Series(store.present(modality))) for store in stores]
    return pl.concat(parts)


def _refuse_stale(stores: Sequence[WindowStore], having: dict[str, pl.Series], pairs: pl.DataFrame) -> None:
    known = pl.concat([store.index["window"] for store in stores])
    roles = ", ".join(store.path.name for store in stores)
    hint = "The pairs are older than the roles: run the stage 'bind' again (dvc repro bind)."
    for column in ("anchor", "partner"):
        lost = pairs[column].filter(~pairs[column].is_in(known.implode()))
        if len(lost):
            raise InputError(f"The pairs name the {column} {lost[0]!r}, which no role ({roles}) holds.", hint=hint)
    for (modality,), lent in pairs.group_by(["borrowed_modality"], maintain_order=True):
        windows = having.get(str(modality), pl.Series(dtype=pl.String))
        lacking = lent["partner"].filter(~lent["partner"].is_in(windows.implode()))
        if len(lacking):
            raise InputError(f"The pairs borrow {modality!r} from {lacking[0]!r}, which has none.", hint=hint)

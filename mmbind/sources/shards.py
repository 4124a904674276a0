"""Shards: the Parquet files of a modality, each with the rows of some recordings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import polars as pl

from mmbind.files import write_parquet


def shard_path(records: Path, modality: str, shard: int) -> Path:
    """Where a shard of a modality lies."""
    return records / modality / f"{shard:05d}.parquet"


def write_shard(
    records: Path,
    modality: str,
    shard: int,
    rows: dict[str, pl.DataFrame],
    old: Path | None,
    kept: Collection[str],
    columns: Mapping[str, Mapping[str, str]],
) -> None:
    """Writes a shard from new rows and those of the shard before that still hold.

    Args:
        records: the new folder of records.
        modality: which one.
        shard: number of the shard.
        rows: new rows by recording id.
        old: the folder of records before; None when nothing of it holds.
        kept: recording ids whose rows are taken from there.
        columns: metadata by column, see :func:`mmbind.sources.stated.columns_of`.
    """
    before = None if old is None else shard_path(old, modality, shard)
    pieces = dict(rows)
    if before is not None and kept and before.is_file():
        held = pl.read_parquet(before, glob=False).filter(pl.col("recording").is_in(sorted(kept)))
        pieces |= {piece["recording"][0]: piece for piece in held.partition_by("recording", maintain_order=True)}
    if pieces:
        table = pl.concat([piece for _, piece in sorted(pieces.items())], rechunk=True)
        write_parquet(shard_path(records, modality, shard), table, columns)


def carry_shard(records: Path, modality: str, shard: int, old: Path) -> None:
    """Takes a shard over as it is, without copying where the file system can."""
    before = shard_path(old, modality, shard).resolve()
    after = shard_path(records, modality, shard)
    if not before.is_file():
        return
    after.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(before, after)
    except OSError:
        shutil.copyfile(before, after)

"""Plain Parquet: one row per sample, a modality's waveform as a fixed-size list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mmbind.dataset.binding_dataset import BindingDataset
from mmbind.dataset.export.shards import shards, write_manifest
from mmbind.learning.samples import Batch


def write_parquet_folder(dataset: BindingDataset, folder: Path, size: int) -> list[str]:
    """Writes ``00000.parquet``, ... and ``manifest.json``.

    Columns: anchor, rank, weight, similarity, per modality ``window_<modality>`` and
    ``<modality>``: float32 (steps * channels) in C order, null where absent. The manifest
    says steps, channels and units.

    Args:
        dataset: the binding.
        folder: an empty folder.
        size: samples per file.

    Returns:
        Names of the files.
    """
    files = []
    for number, (told, batch) in enumerate(shards(dataset, size)):
        files.append(f"{number:05d}.parquet")
        pq.write_table(waveform_table(told, batch), folder / files[-1], compression="zstd", compression_level=1)
    write_manifest(dataset, folder)
    return files


def waveform_table(told: pl.DataFrame, batch: Batch) -> pa.Table:
    """What the sample table says and the waveforms, as one Arrow table."""
    table = told.to_arrow()
    for name, view in batch.views.items():
        flat = np.ascontiguousarray(view.numpy().reshape(len(view), -1))
        absent = pa.array(~batch.present[name].numpy())
        column = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1], mask=absent)
        table = table.append_column(name, column)
    return table

"""A folder that Hugging Face ``datasets`` loads: Parquet with typed features, and a card.

``datasets.load_dataset(FOLDER)`` finds ``data/train-*.parquet`` and reads the features from
the Parquet schema's ``huggingface`` entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmbind.dataset.binding_dataset import BindingDataset
from mmbind.dataset.export.shards import shards, write_manifest
from mmbind.files import write_text
from mmbind.learning.samples import Batch
from mmbind.windows.store import ModalitySpec

_TYPES = {"string": pa.string(), "int32": pa.int32(), "float64": pa.float64()}


def write_huggingface(dataset: BindingDataset, folder: Path, size: int) -> list[str]:
    """Writes ``data/train-00000-of-00001.parquet``, ..., ``README.md`` and ``manifest.json``.

    Columns as in plain Parquet, but a waveform is a sequence of steps, each a fixed
    sequence of channels (float32), null where absent.

    Args:
        dataset: the binding.
        folder: an empty folder.
        size: samples per file.

    Returns:
        Names of the files.
    """
    specs = {name: gatherer.spec for name, gatherer in dataset.gatherers.items()}
    schema = _schema(specs)
    count = -(-len(dataset) // size)
    files = [f"data/train-{number:05d}-of-{count:05d}.parquet" for number in range(count)]
    (folder / "data").mkdir()
    for name, (told, batch) in zip(files, shards(dataset, size), strict=True):
        columns = {field: told[field].to_arrow().cast(schema.field(field).type) for field in told.columns}
        columns |= {field: _nested(batch, field, spec) for field, spec in specs.items()}
        table = pa.table([columns[field.name] for field in schema], schema=schema)
        pq.write_table(table, folder / name, compression="zstd", compression_level=1)
    write_text(folder / "README.md", _card(dataset, specs))
    write_manifest(dataset, folder)
    return files


def _nested(batch: Batch, modality: str, spec: ModalitySpec) -> pa.Array:
    """Waveforms as lists of steps of fixed lists of channels."""
    view, present = batch.views[modality].numpy(), batch.present[modality].numpy()
    steps = pa.FixedSizeListArray.from_arrays(pa.array(view[present].ravel()), len(spec.channels))
    lengths = present.astype("int64") * spec.steps
    offsets = [0, *lengths.cumsum().tolist()]
    bounds = pa.array(
        [*(start if here else None for start, here in zip(offsets, present, strict=False)), offsets[-1]],
        type=pa.int32(),
    )
    return pa.ListArray.from_arrays(bounds, steps)


def _schema(specs: Mapping[str, ModalitySpec]) -> pa.Schema:
    plain = {"anchor": "string", "rank": "int32", "weight": "float64", "similarity": "float64"}
    plain |= {f"window_{name}": "string" for name in specs}
    features: dict[str, Any] = {name: {"dtype": dtype, "_type": "Value"} for name, dtype in plain.items()}
    fields = [pa.field(name, _TYPES[dtype]) for name, dtype in plain.items()]
    for name, spec in specs.items():
        value = {"dtype": "float32", "_type": "Value"}
        channels = {"feature": value, "length": len(spec.channels), "_type": "List"}
        features[name] = {"feature": channels, "_type": "List"}
        fields.append(pa.field(name, pa.list_(pa.list_(pa.float32(), len(spec.channels)))))
    told = json.dumps({"info": {"features": features}}, sort_keys=False)
    return pa.schema(fields, metadata={"huggingface": told})


def _card(dataset: BindingDataset, specs: Mapping[str, ModalitySpec]) -> str:
    """The card: where the samples lie, and what their columns are."""
    rows = [
        f"| `{name}` | {spec.steps} | {', '.join(spec.channels)} | {spec.unit} | "
        f"{'time-normalised' if spec.rate_hz is None else f'{spec.rate_hz:g} Hz'} |"
        for name, spec in specs.items()
    ]
    return "\n".join(
        [
            "---",
            "configs:",
            "- config_name: default",
            "  data_files:",
            "  - split: train",
            "    path: data/train-*.parquet",
            "---",
            "",
            "# Pseudo-paired samples",
            "",
            f"{len(dataset)} samples of the binding `{dataset.manifest['id']}`. Each is an anchor window with its own",
            "modalities and those that it borrows from its most similar windows; `window_<modality>` names the window",
            "that gives a modality, `weight` is what the sample counts in training.",
            "",
            "| modality | steps | channels | unit | rate |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )

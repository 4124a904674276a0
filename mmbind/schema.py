"""The tables that pass from room to room.

Times are int64 nanoseconds; signals are float32 in SI units. A modality's records have
``recording``, ``t_ns`` and one float32 column per channel.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from mmbind.errors import MmbindError

Schema = dict[str, type[pl.DataType]]

#: One row per recording of a source. ``recording`` is a stable id of source, path and part.
RECORDINGS: Schema = {
    "recording": pl.String,
    "source": pl.String,
    "subject": pl.String,
    "device": pl.String,
    "placement": pl.String,
    "session": pl.String,
    "start_ns": pl.Int64,
    "stop_ns": pl.Int64,
    "file": pl.String,
    "sha256": pl.String,
}

#: Label intervals, half open [start_ns, stop_ns). Labels may change inside a recording.
LABELS: Schema = {"recording": pl.String, "start_ns": pl.Int64, "stop_ns": pl.Int64, "label": pl.String}

#: One row per reading (of one modality) or file that was set aside. ``line`` and
#: ``modality`` are null when the whole file is meant; then ``raw`` is empty. Otherwise it is the
#: line byte for byte as the file has it (unpacked, without its line feed), or of a format
#: without lines the row in JSON.
QUARANTINE: Schema = {
    "file": pl.String,
    "line": pl.Int64,
    "modality": pl.String,
    "raw": pl.Binary,
    "rule": pl.String,
    "reason": pl.String,
}

#: Columns of a window index; ``row_<modality>`` (int32, null when absent) is added per modality.
WINDOWS: Schema = {
    "window": pl.String,
    "recording": pl.String,
    "source": pl.String,
    "subject": pl.String,
    "start_ns": pl.Int64,
    "stop_ns": pl.Int64,
    "label": pl.String,
    "shard": pl.Int32,
}

#: Pseudo pairs: the anchor keeps its own modalities and borrows one from the partner. ``rank``
#: starts at 1; ``margin`` is null where no lender was left over.
PAIRS: Schema = {
    "anchor": pl.String,
    "anchor_source": pl.String,
    "partner": pl.String,
    "partner_source": pl.String,
    "shared_modality": pl.String,
    "borrowed_modality": pl.String,
    "similarity": pl.Float64,
    "rank": pl.Int32,
    "margin": pl.Float64,
    "mutual": pl.Boolean,
    "weight": pl.Float64,
}

#: Further columns of pairs, in studies that have bridges; null for direct pairs. ``bridge``: ids of
#: the windows between anchor and partner, in their order; the others: of each pair in the chain.
BRIDGES: Mapping[str, pl.DataType] = {
    "bridge": pl.List(pl.String),
    "hop_similarities": pl.List(pl.Float64),
    "hop_probabilities": pl.List(pl.Float64),
}


def empty(schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """An empty table of a schema."""
    return pl.DataFrame(schema=dict(schema))


def conform(frame: pl.DataFrame, schema: Mapping[str, type[pl.DataType]], *, table: str) -> pl.DataFrame:
    """Puts a table's columns in the schema's order and checks their types.

    Args:
        frame: the table; columns beyond the schema are kept behind it.
        schema: column names and types.
        table: what to call it in the message.

    Raises:
        MmbindError: when a column is missing or has another type.
    """
    for name, dtype in schema.items():
        if name not in frame.columns:
            raise MmbindError(f"The table {table!r} lacks the column {name!r}.")
        if frame.schema[name] != dtype:
            raise MmbindError(f"The column {name!r} of {table!r} is {frame.schema[name]}, not {dtype}.")
    extra = [name for name in frame.columns if name not in schema]
    return frame.select([*schema, *extra])

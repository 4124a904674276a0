"""The tables that a recording gives beside its readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from mmbind.config import Source
from mmbind.schema import QUARANTINE, RECORDINGS
from mmbind.sources.labels import Mark
from mmbind.sources.rules import LABEL_UNFIT


@dataclass(frozen=True)
class RecordingTables:
    """What a recording gave, but for its readings.

    Attributes:
        recordings: rows of the table of recordings, with ``file_<modality>`` per modality.
        labels: rows of the table of labels.
        quarantine: rows of the quarantine.
        files: per file, status and counts for the manifest.
    """

    recordings: pl.DataFrame
    labels: pl.DataFrame
    quarantine: pl.DataFrame
    files: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class RecordingRows(RecordingTables):
    """All that a recording gave.

    Attributes:
        rows: per modality and recording id (one per part) recording, t_ns and channels.
    """

    rows: dict[str, dict[str, pl.DataFrame]]


def recordings_schema(source: Source) -> dict[str, type[pl.DataType]]:
    """Columns of a source's table of recordings: the common ones, then ``file_<modality>``."""
    return {**RECORDINGS, **{f"file_{name}": pl.String for name in sorted([*source.modalities, *source.derived])}}


def unfit_marks(path: str, unfit: list[tuple[Mark, str]]) -> pl.DataFrame:
    """Rows of the quarantine about rows of label tables, from (row, reason)."""
    rows = [
        (path, None, None, mark.raw.encode(), LABEL_UNFIT, f"this row of {mark.table} is not used: {reason}")
        for mark, reason in unfit
    ]
    return pl.DataFrame(rows, schema=QUARANTINE, orient="row")

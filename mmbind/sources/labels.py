"""Labels: what was going on, as intervals of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mmbind.config import Labels
from mmbind.sources.parts import Parts

#: Rule of a row of a label table that its recording cannot take.
LABEL_UNFIT = "label_unfit"


@dataclass(frozen=True)
class Mark:
    """What one row says of a recording.

    Attributes:
        table: the table's path, and the line in it.
        line: see there.
        raw: the row's text.
        label: as logged; None: the label of the recording's path.
        start_ns: first moment, None for the whole recording; so too the next one.
        stop_ns: the moment behind the last one.
    """

    table: str
    line: int
    raw: str
    label: str | None
    start_ns: int | None
    stop_ns: int | None

    @property
    def says(self) -> list[Any]:
        """What a recording's digest holds of it: not the line, which other rows may shift."""
        return [self.table, self.raw]


def common_name(logged: str | None, labels: Labels) -> str | None:
    """The common name of a label as logged; None for none."""
    if logged is None or logged in labels.unlabelled:
        return None
    return labels.map.get(logged, logged)


def whole_recording(logged: str | None, labels: Labels, parts: Parts) -> pl.DataFrame:
    """One interval per part, for a label that the path tells.

    Args:
        logged: the label as logged, None for none.
        labels: mapping of names.
        parts: the recording's parts.

    Returns:
        part (int64), start_ns, stop_ns, label; empty when there is no label.
    """
    label = common_name(logged, labels)
    count = 0 if label is None else len(parts.starts)
    return pl.DataFrame(
        {
            "part": np.arange(count),
            "start_ns": parts.starts[:count],
            "stop_ns": parts.stops[:count],
            "label": pl.Series([label] * count, dtype=pl.String),
        }
    )


def intervals(marked: Sequence[pl.DataFrame], labels: Labels, parts: Parts) -> pl.DataFrame:
    """Intervals from labels that stand beside the readings.

    A label holds from its first reading to the next reading that has another one (or none),
    or to the part's end.

    Args:
        marked: per modality, t_ns (int64, increasing) and label (as logged, null for none).
        labels: mapping of names.
        parts: the recording's parts.

    Returns:
        part (int64), start_ns, stop_ns, label; sorted.
    """
    different = [frame for number, frame in enumerate(marked) if not number or not frame.equals(marked[0])]
    table = different[0]
    if len(different) > 1:
        table = pl.concat(different).sort("t_ns", "label", nulls_last=True).unique("t_ns", keep="first")
        table = table.sort("t_ns")
    names = {name: common_name(name, labels) for name in table["label"].unique().drop_nulls().sort()}
    table = table.with_columns(
        pl.Series("part", parts.of(table["t_ns"].to_numpy())),
        pl.col("label").replace_strict(names, default=None, return_dtype=pl.String),
    )
    runs = (
        table.with_columns(run=pl.struct("part", "label").rle_id())
        .group_by("run", maintain_order=True)
        .agg(pl.col("part", "label").first(), start_ns=pl.col("t_ns").first())
    )
    ends = pl.Series("end", parts.stops[runs["part"].to_numpy()])
    return (
        runs.with_columns(stop_ns=pl.col("start_ns").shift(-1).over("part").fill_null(ends))
        .drop_nulls("label")
        .select("part", "start_ns", "stop_ns", "label")
    )


def marked_recording(
    marks: Sequence[Mark], path_label: str | None, labels: Labels, parts: Parts
) -> tuple[pl.DataFrame, list[tuple[Mark, str]]]:
    """Intervals from the rows of label tables.

    Args:
        marks: the rows that belong to the recording.
        path_label: label as the path logs it, for rows that name none.
        labels: mapping of names; its ``table`` says where times count from.
        parts: the recording's parts.

    Returns:
        part (int64), start_ns, stop_ns, label; sorted, without overlaps. And the rows that
        cannot be used, each with the reason.
    """
    counted = labels.table is not None and labels.table.origin == "recording"
    begin, end = int(parts.starts.min()), int(parts.stops.max())
    origin = begin if counted else 0
    unfit: list[tuple[Mark, str]] = []
    taken: list[tuple[int, int, str | None]] = []
    whole = (begin - origin, end - origin)
    for start, stop, mark in sorted(
        ((*(whole if m.start_ns is None or m.stop_ns is None else (m.start_ns, m.stop_ns)), m) for m in marks),
        key=lambda each: (each[0], each[2].table, each[2].line),
    ):
        label = common_name(path_label if mark.label is None else mark.label, labels)
        first, last = max(start + origin, begin), min(stop + origin, end)
        if first >= last:
            seconds = f"{(begin - origin) / 1e9:g} to {(end - origin) / 1e9:g} s"
            unfit.append((mark, f"the recording lasts from {seconds}."))
        elif taken and first < taken[-1][1]:
            if label == taken[-1][2]:
                taken[-1] = (taken[-1][0], max(last, taken[-1][1]), label)
            else:
                unfit.append((mark, f"it overlaps another row, which says {taken[-1][2]!r}."))
        else:
            taken.append((first, last, label))
    rows = [
        (part, max(first, start), min(last, stop), label)
        for first, last, label in taken
        if label is not None
        for part, (start, stop) in enumerate(zip(parts.starts.tolist(), parts.stops.tolist(), strict=True))
        if first < stop and start < last
    ]
    schema = {"part": pl.Int64, "start_ns": pl.Int64, "stop_ns": pl.Int64, "label": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("part", "start_ns"), unfit

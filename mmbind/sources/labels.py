"""Labels: what was going on, as intervals of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from mmbind.config import Labels
from mmbind.sources.parts import Parts


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

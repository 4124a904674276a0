"""Frames without some of their rows, where nearly all of them stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

#: Rows from which on the others are copied; up to then they are left where they are, cut into slices.
FEW = 64


def without(frame: pl.DataFrame, rows: npt.NDArray[np.int64]) -> pl.DataFrame:
    """The frame without some rows.

    Args:
        frame: any.
        rows: positions, ascending, each once.
    """
    if not len(rows):
        return frame
    if len(rows) > FEW:
        kept = np.ones(frame.height, dtype=np.bool_)
        kept[rows] = False
        return frame.filter(kept)
    begins, ends = [0, *(rows + 1).tolist()], [*rows.tolist(), frame.height]
    return pl.concat([frame.slice(begin, end - begin) for begin, end in zip(begins, ends, strict=True)])

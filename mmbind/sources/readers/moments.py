"""Moments that no calendar holds, as damage leaves them in columns typed as times.

polars and Python cannot turn them into text or objects, and some of its conversions wrap
round, so they are looked for before anything else is done with a column.
"""

from __future__ import annotations

import polars as pl

from mmbind.sources.clocks import FURTHEST_NS

_DAY = 86_400_000_000_000
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000}


def known_moments(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with null for moments and durations farther than ``FURTHEST_NS``."""
    found = [column.set(~_near(column), None) for column in _far(frame)]
    return frame.with_columns(found) if found else frame


def shown_moments(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with plain numbers in columns that hold such moments, for its rows to be written down."""
    found = [column.to_physical() for column in _far(frame)]
    return frame.with_columns(found) if found else frame


def _far(frame: pl.DataFrame) -> list[pl.Series]:
    """Columns in which some moment is too far."""
    return [column for column in frame if column.dtype.is_temporal() and not _near(column).all()]


def _near(column: pl.Series) -> pl.Series:
    """Which moments are near enough; null stays null."""
    numbers = column.to_physical().cast(pl.Int64)
    unit = _DAY if column.dtype == pl.Date else _UNITS[getattr(column.dtype, "time_unit", None) or "ns"]
    furthest = FURTHEST_NS // unit
    return numbers.is_between(-furthest, furthest)

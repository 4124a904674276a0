"""Logged times become nanoseconds, whatever their unit or type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbind.sources.clocks import to_ns
from mmbind.units import NANOSECONDS

TEN = 1772359200 * 10**9  # 2026-03-01 10:00 UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T10:00:00Z", TEN),
        ("2026-03-01 10:00:00", TEN),
        ("  2026-03-01T10:00 ", TEN),
        ("20260301T100000Z", TEN),
        ("2026-03-01T11:00:00+01:00", TEN),
        ("2026-03-01T04:30:00-0530", TEN),
        ("2026-03-01T10:00:00.250+00", TEN + 250_000_000),
        ("2026-03-01T10:00:00,123456789Z", TEN + 123_456_789),
        ("2026-03-01", TEN - 10 * 3600 * 10**9),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("2026-02-30T10:00:00", None),
        ("2026-03-01T25:00:00", None),
        ("1066-10-14T09:00:00", None),
        ("01.03.2026 10:00", None),
        ("1772359200", None),
        ("", None),
        (None, None),
    ],
)
def test_moments_of_iso_8601(text: str | None, expected: int | None) -> None:
    assert to_ns(pl.Series([text], dtype=pl.String), "iso8601").to_list() == [expected]


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["auto", "seconds", "milliseconds", "microseconds"]),
)
def test_every_moment_that_python_writes_is_read(moment: datetime, offset: int, precision: str) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = zoned.isoformat(timespec=precision)
    wanted = (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert to_ns(pl.Series([text]), "iso8601").item() == wanted * 1000


def test_typed_columns_carry_their_own_unit() -> None:
    moment = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert to_ns(pl.Series([moment]), "s").item() == TEN
    assert to_ns(pl.Series([date(2026, 3, 1)]), "s").item() == TEN - 10 * 3600 * 10**9
    assert to_ns(pl.Series([time(10, 0, 0, 5)]), "s").item() == 36_000 * 10**9 + 5000
    assert to_ns(pl.Series([timedelta(milliseconds=2)]), "s").item() == 2_000_000


@pytest.mark.parametrize(("unit", "factor"), sorted(NANOSECONDS.items()))
def test_numbers_and_texts_in_every_unit(unit: str, factor: int) -> None:
    assert to_ns(pl.Series(["3", " 3 ", "2.5", "x"]), unit).to_list() == [3 * factor, 3 * factor, 5 * factor // 2, None]
    assert to_ns(pl.Series([3, None]), unit).to_list() == [3 * factor, None]
    assert to_ns(pl.Series([2.5, None, float("inf")]), unit).to_list() == [5 * factor // 2, None, None]

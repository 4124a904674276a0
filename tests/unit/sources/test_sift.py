"""Sifting: what is kept and at which times, block by block, under every policy of a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.config import ModalitySource
from mmbind.sources.sift import ASIDE, Sifter

MS = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """What became of readings: times in ms, the readings' numbers (their values), labels, turns, and (line, rule)."""

    times: list[float]
    numbers: list[int]
    labels: list[str | None]
    turns: list[int]
    aside: list[tuple[int, str]]
    table: pl.DataFrame


def modality(**clock: Any) -> ModalitySource:
    stated = {"kind": "timestamp", "column": "t", "unit": "ms", **clock}
    return ModalitySource.model_validate({"columns": ["v"], "channels": ["x"], "unit": "m/s2", "clock": stated})


def block(stamps: Sequence[float | None], first: int) -> pl.DataFrame:
    numbers = np.arange(first, first + len(stamps))
    return pl.DataFrame(
        {
            "line": numbers + 2,
            "row": numbers,
            "time": pl.Series(stamps, dtype=pl.Float64),
            "label": pl.Series([f"label {number}" for number in numbers], dtype=pl.String),
            "v0": numbers.astype(np.float64),
        }
    )


def sifted(stamps: Sequence[float | None], cuts: Sequence[int] = (), gap: float = 1.0, **clock: Any) -> Outcome:
    """Sifts readings (ms) that come in blocks cut at some places."""
    sifter = Sifter(modality(**clock), ["x"], gap)
    edges = [0, *sorted(cuts), len(stamps)]
    parts = [
        sifter.push(
            block(stamps[a:b], a), lambda lines: pl.Series([b"text %d" % line for line in lines], dtype=pl.Binary)
        )
        for a, b in pairwise(edges)
    ]
    parts.append(sifter.finish())
    kept, aside = pl.concat([part.kept for part in parts]), pl.concat([part.aside for part in parts]).sort("line")
    assert aside.schema == ASIDE
    assert aside["raw"].to_list() == [b"text %d" % line for line in aside["line"]]
    turns = [turn for part in parts for turn in (part.turns if part.turns is not None else [0] * part.kept.height)]
    return Outcome(
        times=[t / MS for t in kept["t_ns"]],
        numbers=kept["x"].cast(pl.Int64).to_list(),
        labels=[label for part in parts if part.labels is not None for label in part.labels],
        turns=turns,
        aside=aside.select("line", "rule").rows(),
        table=aside,
    )


POLICIES: list[dict[str, Any]] = [
    {},
    {"duplicates": "quarantine"},
    {"duplicates": "spread"},
    {"backward": "sort"},
    {"backward": "sort", "duplicates": "quarantine"},
    {"backward": "sort", "duplicates": "spread"},
    {"backward": "split"},
    {"backward": "split", "duplicates": "quarantine"},
    {"bursts": "spread"},
    {"bursts": "spread", "backward": "split"},
    {"kind": "spread"},
]


@settings(deadline=None, max_examples=150)
@given(
    steps=st.lists(st.sampled_from([0, 0, 1, 1, 1, 2, 5, -1, -3, 40, 3000, -60, 10**7, -(10**7), None]), max_size=70),
    cuts=st.lists(st.integers(0, 70), max_size=6),
    policy=st.sampled_from(POLICIES),
)
def test_whatever_comes_is_kept_in_order_or_set_aside_and_blocks_do_not_matter(
    steps: list[int | None], cuts: list[int], policy: dict[str, Any]
) -> None:
    now, stamps = 0.0, []
    for step in steps:
        now += step or 0
        stamps.append(None if step is None else now)
    whole = sifted(stamps, **policy)
    assert sorted([number + 2 for number in whole.numbers] + [line for line, _ in whole.aside]) == [
        number + 2 for number in range(len(stamps))
    ]
    assert whole.labels == [f"label {number}" for number in whole.numbers]
    for (before, turn), (after, its_turn) in pairwise(zip(whole.times, whole.turns, strict=True)):
        assert its_turn >= turn
        assert its_turn > turn or after > before
    if policy.get("backward") != "sort":
        assert whole.numbers == sorted(whole.numbers)
    again = sifted(stamps, [min(cut, len(stamps)) for cut in cuts], **policy)
    assert again.table.equals(whole.table)
    assert again == Outcome(**{**whole.__dict__, "table": again.table})


@pytest.mark.parametrize("policy", [p for p in POLICIES if p.get("backward") != "sort"])
@pytest.mark.parametrize("place", [0, 1, 20, 36, 39])
def test_one_stamp_in_the_future_costs_one_reading(policy: dict[str, Any], place: int) -> None:
    stamps = [20.0 * number for number in range(40)]
    stamps[place] = 3e12
    out = sifted(stamps, [place, place + 1], **policy)
    if place == 39:  # nothing behind it tells that it is wrong: it stands alone behind a pause
        assert len(out.numbers) == 40
        return
    if place == 36:  # three are too few to tell
        assert [rule for _, rule in out.aside] == (["backward_time"] * 3 if policy.get("backward") != "split" else [])
        return
    assert out.aside == [(place + 2, "leap_time")]
    assert out.numbers == [number for number in range(40) if number != place]


def test_two_stamps_in_the_future_cost_two_readings() -> None:
    stamps = [20.0 * number for number in range(60)]
    stamps[10], stamps[11], stamps[20] = 8e9, 9e9, 7e9
    assert sifted(stamps).aside == [(12, "leap_time"), (13, "leap_time"), (22, "leap_time")]


def test_the_reason_says_where_the_others_go_on() -> None:
    stamps = [20.0 * number for number in range(40)]
    stamps[10] = 9e6
    stamps[30] = 0.0
    assert sifted(stamps).table["reason"].to_list() == [
        "its time 9000000000000 ns leaps ahead: the readings behind it go on from 180000000 ns.",
        "its time 0 ns is before 580000000 ns, that of the last kept reading.",
    ]


def test_a_clock_that_was_set_forward_is_believed() -> None:
    stamps = [20.0 * number for number in range(30)] + [1e9 + 20.0 * number for number in range(30)]
    assert sifted(stamps).aside == []


def test_repeats_keep_their_first_or_none() -> None:
    stamps = [0, 20, 20, 20, 40, 60, 60]
    assert sifted(stamps).numbers == [0, 1, 4, 5]
    assert sifted(stamps, duplicates="quarantine").numbers == [0, 4]
    assert sifted(stamps, range(8), duplicates="quarantine").aside == [
        (line, "duplicate_time") for line in (3, 4, 5, 7, 8)
    ]


def test_repeats_of_a_coarse_clock_are_spread_until_the_next_tick() -> None:
    stamps = [1000] * 4 + [2000] * 4 + [3000] * 5 + [4000] * 4 + [5000] * 4
    out = sifted(stamps, duplicates="spread")
    quarters = [0, 250, 500, 750]
    assert out.times[:8] == [1000 + t for t in quarters] + [2000 + t for t in quarters]
    assert out.times[8:13] == [3000, 3200, 3400, 3600, 3800]
    assert out.times[13:] == [4000 + t for t in quarters] + [5000 + t for t in quarters]
    assert out.aside == []


def test_the_first_and_the_last_tick_may_be_cut_and_pauses_are_left_alone() -> None:
    stamps = [1000] * 1 + [2000] * 4 + [3000] * 4 + [4000] * 2 + [9000] * 2 + [10000] * 4
    out = sifted(stamps, duplicates="spread")
    assert out.times[:1] == [1750]
    assert out.times[9:] == [4000, 4250, 9500, 9750, 10000, 10250, 10500, 10750]


def test_repeats_that_nothing_tells_apart_are_set_aside() -> None:
    out = sifted([5, 5, 5], duplicates="spread")
    assert (out.times, out.aside) == ([5], [(3, "duplicate_time"), (4, "duplicate_time")])


def test_a_logger_that_writes_out_of_order_is_sorted() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.permutation(200)
    out = sifted([10.0 * number for number in numbers], range(0, 200, 23), backward="sort")
    assert out.times == [10.0 * number for number in range(200)]
    assert [numbers[number] for number in out.numbers] == list(range(200))
    assert out.aside == []


def test_a_clock_that_was_set_back_begins_another_part() -> None:
    stamps = [1000 + 20.0 * n for n in range(30)] + [20.0 * n for n in range(30)] + [100 + 20.0 * n for n in range(5)]
    out = sifted(stamps, [29, 31], backward="split")
    assert out.turns == [0] * 30 + [1] * 30 + [2] * 5
    assert out.times == stamps
    assert out.aside == []


def test_one_stamp_in_the_past_is_no_clock_set_back() -> None:
    stamps = [1000 + 20.0 * number for number in range(30)]
    stamps[10] = 0.0
    out = sifted(stamps, [10, 11], backward="split")
    assert out.aside == [(12, "backward_time")]
    assert set(out.turns) == {0}


def bursts(rate: float, seconds: float, tick_ms: float = 100.0, jitter_ms: float = 15.0) -> np.ndarray:
    """Stamps (ms) of readings at a rate that arrive in bunches, 1 or 2 ms apart, at ticks that jitter."""
    rng = np.random.default_rng(3)
    true = np.arange(round(rate * seconds)) * 1000 / rate
    tick = np.floor(true / tick_ms).astype(np.int64)
    arrival = (tick + 1) * tick_ms + rng.uniform(-jitter_ms, jitter_ms, tick.max() + 1)[tick]
    begins = np.flatnonzero(np.diff(tick, prepend=-1))
    place = np.arange(len(true)) - begins[np.searchsorted(begins, np.arange(len(true)), side="right") - 1]
    return arrival + 1.5 * place


@pytest.mark.parametrize("rate", [40.0, 50.0, 93.5])
def test_bunches_are_spread_at_the_rate_at_which_they_come(rate: float) -> None:
    stamps = bursts(rate, 20.0)
    out = sifted(stamps.tolist(), bursts="spread")
    assert out.aside == []
    steps = np.diff(out.times)
    assert steps.min() > 0.75 * 1000 / rate
    assert steps.max() < 1.25 * 1000 / rate
    true = np.arange(len(stamps)) * 1000 / rate
    late = np.array(out.times) - true
    assert np.ptp(late) < 20.0  # within a reading; as they were logged they spread over 100 ms
    assert np.ptp(stamps - true) > 80.0


def test_bunches_follow_a_rate_that_drifts_and_pauses_stay() -> None:
    true = np.cumsum(np.linspace(18.0, 22.0, 3000))
    true[1500:] += 5000.0
    stamps = np.floor(true / 100) * 100
    out = sifted(stamps.tolist(), bursts="spread")
    assert out.aside == []
    assert np.ptp(np.array(out.times) - true) < 60.0
    assert 4900 < np.diff(out.times)[1499] < 5150


def test_readings_are_spread_over_the_time_between_pauses() -> None:
    stamps = [0, 1, 2, 3, 130, 131, 129, 128, 240, 5000, 5001, 5100]
    out = sifted(stamps, [3, 7], kind="spread")
    assert out.times == [30.0 * number for number in range(9)] + [5000, 5050, 5100]
    assert out.aside == []


def test_stamps_far_in_the_past_are_no_readings_of_a_spread_clock() -> None:
    out = sifted([10_000, 10_100, 0, 10_300], kind="spread")
    assert out.times == [10_000, 10_150, 10_300]
    assert out.aside == [(4, "backward_time")]


def test_a_bunch_that_comes_before_its_time_still_counts_for_a_spread_clock() -> None:
    stamps = [20.0 * number for number in range(60)]
    stamps[10], stamps[11] = 700.0, 702.0
    out = sifted(stamps, kind="spread")
    assert out.times == [20.0 * number for number in range(60)]
    assert len(sifted(stamps).aside) == 2


def test_a_batch_from_the_future_costs_itself_alone() -> None:
    spec = ModalitySource.model_validate(
        {
            "columns": ["v"],
            "channels": ["x"],
            "unit": "m/s2",
            "clock": {"kind": "batch", "column": "t", "unit": "ms", "rate_hz": 50.0},
        }
    )
    starts = [200.0 * number for number in range(30)]
    starts[5] = 1e12
    frame = pl.DataFrame(
        {
            "line": np.repeat(np.arange(30) + 1, 10),
            "row": np.arange(300),
            "time": np.repeat(starts, 10),
            "place": np.tile(np.arange(10), 30),
            "size": np.full(300, 10),
            "v0": np.arange(300.0),
        }
    )
    for cut in (0, 50, 60, 70, 300):
        sifter = Sifter(spec, ["x"], 1.0)
        parts = [
            sifter.push(piece, lambda lines: pl.Series([b""] * len(lines), dtype=pl.Binary))
            for piece in (frame.head(cut), frame.slice(cut))
        ]
        parts.append(sifter.finish())
        aside = pl.concat([part.aside for part in parts])
        assert aside.select("line", "rule").unique().rows() == [(6, "leap_time")]
        assert pl.concat([part.kept for part in parts]).height == 290

"""Windows around events, and what the place of a window may depend on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mmbind.config import EventCut
from mmbind.study import Study
from mmbind.windows import cut_windows
from mmbind.windows.grid import Cuts, Span, cut
from mmbind.windows.store import WindowStore
from tests.support import write_study
from tests.unit.windows.recorded import Recording, sine, write_records

MODALITIES = {name: {"steps": 40} for name in ("acc", "gyro", "mag")}


def study_of(path: Path, **cut: object) -> Study:
    return write_study(path / "study", windows={"cut": cut, "modalities": MODALITIES})


def events(path: Path, length_s: float = 2.0) -> Study:
    return study_of(path, kind="event", length_s=length_s, modality="acc")


def fall(at: float, seconds: float = 10.0, start: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Gravity, small sway, and one blow across two axes."""
    times, values = sine(0.5, 50.0, seconds, start=start)
    values = 0.3 * values + np.array([0.0, 0.0, 9.8])
    values[round((at - start) * 50)] += [-20.0, 20.0, 0.0]
    return times, values


def opened(study: Study) -> WindowStore:
    cut_windows(study, "s")
    return WindowStore.open(study.windows("s"), stage="window@s")


def test_the_window_lies_around_the_strongest_reading(tmp_path: Path) -> None:
    study = events(tmp_path)
    readings = {"acc": fall(6.4), "gyro": sine(0.5, 25.0, 10.0)}
    write_records(study, "s", [Recording("p1_1.csv", "p1", readings, [(5.0, 8.0, "fall")])])
    store = opened(study)
    assert store.index.select("start_ns", "stop_ns", "label").rows() == [(5_400_000_000, 7_400_000_000, "fall")]
    signals = store.gather("acc")[0]
    assert np.argmax(np.linalg.norm(signals, axis=1)) == 20
    assert store.gather("gyro").shape == (1, 40, 3)
    assert store.modalities["acc"].rate_hz == 20.0


@pytest.mark.parametrize(("at", "start"), [(0.1, 0.0), (9.9, 8.0)])
def test_at_the_ends_it_is_moved_inside(tmp_path: Path, at: float, start: float) -> None:
    study = events(tmp_path)
    write_records(study, "s", [Recording("p1_1.csv", "p1", {"acc": fall(at)})])
    assert opened(study).index["start_ns"].to_list() == [round(start * 1e9)]


def test_too_short_recordings_are_held_at_their_ends_if_enough_is_real(tmp_path: Path) -> None:
    study = events(tmp_path)
    write_records(
        study,
        "s",
        [
            Recording("p1_1.csv", "p1", {"acc": fall(1.0, seconds=1.9)}),
            Recording("p1_2.csv", "p1", {"acc": fall(1.0, seconds=1.2)}),
            Recording("p1_3.csv", "p1", {"gyro": sine(0.5, 25.0, 9.0)}),
        ],
    )
    store = opened(study)
    assert store.index["start_ns"].to_list() == [-50_000_000]
    assert store.counts["windows"]["refused"] == {"no modality covers enough": 1}
    assert store.counts["recordings"]["refused"] == {"no readings of the event's modality": 1}


@pytest.mark.parametrize(("tile_from_s", "starts"), [(30.1, [9.4]), (30.0, [1.4, 3.4, 5.4, 7.4])])
def test_a_recording_of_one_long_activity_is_tiled_around_its_event(
    tmp_path: Path, tile_from_s: float, starts: list[float]
) -> None:
    study = study_of(tmp_path, kind="event", length_s=2.0, modality="acc", tile_from_s=tile_from_s)
    write_records(study, "s", [Recording("p1_1.csv", "p1", {"acc": fall(10.4, seconds=30.0)}, [(0.0, 30.0, "walk")])])
    store = opened(study)
    found = sorted(start / 1e9 for start in store.index["start_ns"])
    assert found[: len(starts)] == starts
    assert len(found) == (1 if tile_from_s > 30 else 14)
    assert store.index["label"].to_list() == ["walk"] * len(found)


def test_every_role_must_show_the_modality_of_the_event(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"role 'B' has no 'gyro', and windows must not show what it hides"):
        study_of(tmp_path, kind="event", length_s=2.0, modality="gyro")


@pytest.mark.parametrize(
    "cut", [{"kind": "event", "length_s": 2.0, "modality": "acc"}, {"kind": "sliding", "length_s": 2.0, "hop_s": 1.0}]
)
def test_what_a_role_hides_does_not_move_the_windows_of_what_it_shows(tmp_path: Path, cut: dict[str, object]) -> None:
    shown = []
    for name, start in (("a", 0.0), ("b", 0.37), ("c", 3.0)):
        study = study_of(tmp_path / name, **cut)
        readings = {"acc": fall(6.4), "gyro": sine(0.5, 25.0, 7.0, start=start)}
        write_records(study, "s", [Recording("p1_1.csv", "p1", readings)])
        store = opened(study)
        own = np.flatnonzero(store.present("acc"))
        shown.append((store.index["start_ns"].gather(own).to_list(), store.gather("acc", own)))
    for starts, signals in shown[1:]:
        assert starts == shown[0][0]
        assert np.array_equal(signals, shown[0][1])


@settings(deadline=None, max_examples=80)
@given(
    first=st.integers(-(10**12), 10**12),
    lasting=st.integers(0, 10**10),
    share=st.floats(0, 1),
    length=st.floats(0.1, 20.0),
)
def test_a_window_stays_inside_the_readings_where_they_are_long_enough(
    first: int, lasting: int, share: float, length: float
) -> None:
    span = Span(first, first + lasting, 2e7, peak=first + round(share * lasting))
    found = cut({"acc": span}, EventCut(kind="event", length_s=length, modality="acc"), shared="acc")
    assert isinstance(found, Cuts)
    start, stop, end = int(found.starts[0]), int(found.starts[0]) + found.length, span.last + 20_000_000
    assert span.peak is not None
    if found.length <= end - first:
        assert first <= start
        assert stop <= end
        assert start <= span.peak <= stop
    else:
        assert abs((start + stop) - (first + end)) <= 1

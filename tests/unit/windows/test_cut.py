from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.config import SlidingCut
from mmbind.errors import InputError, MissingStageError, MmbindError
from mmbind.files import digest_folder, short_id
from mmbind.study import Study
from mmbind.windows import cut_windows
from mmbind.windows.grid import SECOND_NS, Span, cut
from mmbind.windows.labels import label_windows
from mmbind.windows.store import WindowStore
from tests.support import write_study
from tests.unit.windows.recorded import Recording, sine, write_records

MODALITIES = {"acc": {"steps": 32}, "gyro": {"steps": 16}}


def sliding(tmp_path: Path, **windows: Any) -> Study:
    cut = {"kind": "sliding", "length_s": 2.0, "hop_s": 1.0}
    params = {"cut": cut, "modalities": {**MODALITIES, "mag": {"steps": 8}}, **windows}
    return write_study(tmp_path / "study", windows=params)


def recording(name: str = "p1_1.csv", subject: str = "p1", seconds: float = 10.0, **kwargs: Any) -> Recording:
    readings = {"acc": sine(1.0, 50.0, seconds), "gyro": sine(0.5, 25.0, seconds)}
    return Recording(name, subject, readings, **kwargs)


def opened(study: Study) -> WindowStore:
    return WindowStore.open(study.windows("s"), stage="window@s")


def test_windows_hold_every_modality_on_its_own_grid(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    rec = recording()
    write_records(study, "s", [rec])
    summary = cut_windows(study, "s")
    store = opened(study)
    assert len(store) == 9
    assert store.modalities["acc"].rate_hz == 16.0
    assert store.modalities["gyro"].unit == "rad/s"
    assert store.gather("acc").shape == (9, 32, 3)
    assert store.gather("gyro").shape == (9, 16, 3)
    first = store.index.filter(start_ns=SECOND_NS)
    assert first["window"][0] == short_id(rec.id("s"), SECOND_NS)
    window = store.gather("gyro", store.positions([first["window"][0]]))[0, :, 0]
    wanted = np.sin(2 * np.pi * 0.5 * (1.0 + np.arange(16) / 8))
    assert np.abs(window - wanted).max() < 0.02
    assert summary.counts == store.counts
    assert summary.counts["windows"] == {"planned": 9, "kept": 9, "refused": {}}


def test_every_modality_of_a_trial_is_normalised_over_its_own_readings(tmp_path: Path) -> None:
    study = sliding(tmp_path, cut={"kind": "trial"})
    readings = {"acc": sine(0.5, 50.0, 5.0), "gyro": sine(0.5, 25.0, 3.0)}  # one clock counts too few
    write_records(study, "s", [Recording("p1_1.csv", "p1", readings, [(0.0, 5.0, "wave")])])
    cut_windows(study, "s")
    store = opened(study)
    assert store.index["start_ns"].to_list() == [0]
    assert store.index["stop_ns"].to_list() == [4_980_000_000]
    assert store.index["label"].to_list() == ["wave"]
    assert store.modalities["acc"].rate_hz is None
    for modality, last, steps in (("acc", 4.98, 32), ("gyro", 2.96, 16)):
        wanted = np.sin(np.pi * np.linspace(0.0, last, steps))
        assert np.abs(store.gather(modality)[0, :, 0] - wanted).max() < 0.1


def test_what_a_trial_shows_of_one_modality_does_not_depend_on_another(tmp_path: Path) -> None:
    """A role may have to hide the other one: its readings must not show through the cut."""
    windows = []
    for name, seconds in (("a", 3.0), ("b", 2.0)):
        study = sliding(tmp_path / name, cut={"kind": "trial"})
        readings = {"acc": sine(0.5, 50.0, 4.0), "gyro": sine(0.5, 25.0, seconds)}
        write_records(study, "s", [Recording("p1_1.csv", "p1", readings)])
        cut_windows(study, "s")
        windows.append(opened(study).gather("acc"))
    assert np.array_equal(*windows)


def test_a_label_must_cover_enough_of_its_window(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    write_records(study, "s", [recording(labels=[(0.0, 3.2, "walk"), (3.2, 6.0, "sit"), (6.0, 7.0, "sit")])])
    cut_windows(study, "s")
    labels = dict(opened(study).index.select("start_ns", "label").sort("start_ns").iter_rows())
    seconds = {start // SECOND_NS: label for start, label in labels.items()}
    assert seconds == {0: "walk", 1: "walk", 2: "walk", 3: "sit", 4: "sit", 5: "sit", 6: None, 7: None, 8: None}


def test_a_modality_that_falls_silent_is_absent_and_the_window_stays(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    readings = {"acc": sine(1.0, 50.0, 10.0), "gyro": sine(0.5, 25.0, 4.0)}
    write_records(study, "s", [Recording("p1_1.csv", "p1", readings)])
    summary = cut_windows(study, "s")
    store = opened(study)
    by_start = store.index.sort("start_ns")
    assert by_start["row_gyro"].is_not_null().to_list() == [True] * 3 + [False] * 6
    assert by_start["row_acc"].null_count() == 0
    assert summary.counts["modalities"]["gyro"] == {"present": 3, "absent": 6}
    assert any("gyro is absent from 6 windows" in line for line in summary.lines())


def test_a_window_that_nothing_covers_is_refused_and_counted(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    times, values = sine(1.0, 50.0, 10.0)
    kept = (times < 3.0) | (times > 6.0)
    write_records(study, "s", [Recording("p1_1.csv", "p1", {"acc": (times[kept], values[kept])})])
    counts = cut_windows(study, "s").counts
    assert counts["windows"] == {"planned": 9, "kept": 5, "refused": {"no modality covers enough": 4}}


def test_readings_without_a_number_are_passed_over(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    times, values = sine(1.0, 50.0, 10.0)
    values[100:103, 1] = np.nan
    values[200, 0] = np.inf
    write_records(study, "s", [Recording("p1_1.csv", "p1", {"acc": (times, values)})])
    counts = cut_windows(study, "s").counts
    assert counts["readings"]["acc"] == {"read": 500, "unusable": 4}
    signals = opened(study).gather("acc")
    assert len(signals) == 9
    assert np.isfinite(signals).all()


def test_recordings_without_windows_are_counted_by_reason(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    silent = Recording("p1_3.csv", "p1", {"acc": (np.empty(0), np.empty((0, 3)))})
    write_records(study, "s", [recording(), recording("p1_2.csv", seconds=1.5), silent])
    counts = cut_windows(study, "s").counts
    assert counts["recordings"] == {"read": 3, "cut": 1, "refused": {"no readings": 1, "too short": 1}}


def test_no_window_at_all_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    write_records(study, "s", [recording(seconds=1.0)])
    with pytest.raises(InputError, match=r"'s' gives no window of 2.0 s: 1 x too short"):
        cut_windows(study, "s")
    assert not study.windows("s").exists()


def test_trials_whose_modalities_do_not_meet_are_refused(tmp_path: Path) -> None:
    study = sliding(tmp_path, cut={"kind": "trial"})
    apart = {"acc": sine(1.0, 50.0, 2.0), "gyro": sine(1.0, 50.0, 2.0, start=9.0)}
    write_records(study, "s", [Recording("p1_1.csv", "p1", apart), recording("p1_2.csv")])
    counts = cut_windows(study, "s").counts
    assert counts["recordings"]["refused"] == {"modalities do not overlap": 1}


def test_shards_hold_the_same_windows_as_one_file(tmp_path: Path) -> None:
    recordings = [recording(f"p{i}_1.csv", f"p{i}", seconds=5.0 + i) for i in range(4)]
    whole, split = sliding(tmp_path / "a"), sliding(tmp_path / "b", shard_size=3)
    for study in (whole, split):
        write_records(study, "s", recordings)
        cut_windows(study, "s")
    one, many = opened(whole), opened(split)
    assert one.ids == many.ids == sorted(one.ids)
    assert many.index["shard"].n_unique() == -(-len(many) // 3)
    for name in ("acc", "gyro"):
        assert np.array_equal(one.gather(name), many.gather(name))
    assert not list(split.windows("s").glob(".*"))


def test_bytes_depend_neither_on_the_shards_of_the_records_nor_on_a_second_run(tmp_path: Path) -> None:
    recordings = [recording(f"p{i}_1.csv", f"p{i}") for i in range(5)]
    digests = set()
    for name, shards in (("a", 1), ("b", 4)):
        study = sliding(tmp_path / name)
        write_records(study, "s", recordings, shards=shards)
        for _ in range(2):
            cut_windows(study, "s")
            digests.add(digest_folder(study.windows("s")))
    assert len(digests) == 1


def test_readings_of_an_unknown_recording_are_an_error(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    folder = write_records(study, "s", [recording()])
    other = sliding(tmp_path / "other")
    (folder / "recordings.parquet").write_bytes(
        (write_records(other, "s", [recording("p9_1.csv")]) / "recordings.parquet").read_bytes()
    )
    with pytest.raises(MmbindError, match="that recordings"):
        cut_windows(study, "s")


def test_unknown_sources_and_missing_records_are_told_apart(tmp_path: Path) -> None:
    study = sliding(tmp_path)
    with pytest.raises(InputError, match="There is no source 'sx'"):
        cut_windows(study, "sx")
    with pytest.raises(MissingStageError, match="ingest@s"):
        cut_windows(study, "s")
    write_records(study, "s", [Recording("p1_1.csv", "p1", {"skeleton": sine(1.0, 30.0, 5.0)})])
    with pytest.raises(InputError, match="none of the modalities in"):
        cut_windows(study, "s")


@settings(deadline=None, max_examples=60)
@given(
    spans=st.lists(st.tuples(st.integers(0, 10**11), st.integers(0, 10**11)), min_size=1, max_size=3),
    length=st.floats(0.1, 20.0),
    hop=st.floats(0.1, 20.0),
)
def test_sliding_windows_keep_their_hop_and_stay_where_readings_are(
    spans: list[tuple[int, int]], length: float, hop: float
) -> None:
    found = [Span(first, first + more, 2e7) for first, more in spans]
    named = {f"m{number}": span for number, span in enumerate(found)}
    cuts = cut(named, SlidingCut(kind="sliding", length_s=length, hop_s=hop), shared="m")
    if isinstance(cuts, str):
        assert max(s.last for s in found) - max(s.first for s in found) < length * SECOND_NS + hop * SECOND_NS
        return
    assert set(np.diff(cuts.starts)) <= {round(hop * SECOND_NS)}
    assert cuts.starts[0] >= min(s.first for s in found)
    assert cuts.starts[-1] + cuts.length <= max(s.last for s in found) + 3e7
    assert (cuts.starts - max(s.first for s in found) == 0).any() or cuts.starts[-1] < max(s.first for s in found)


@settings(deadline=None, max_examples=60)
@given(
    edges=st.lists(st.integers(0, 1000), min_size=2, max_size=12, unique=True),
    names=st.lists(st.sampled_from("abc"), min_size=12, max_size=12),
    start=st.integers(-100, 1100),
    length=st.integers(1, 500),
)
def test_a_windows_label_is_the_one_counted_nanosecond_by_nanosecond(
    edges: list[int], names: list[str], start: int, length: int
) -> None:
    edges = sorted(edges)
    painted = np.full(2000, "-", dtype="U1")
    intervals: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for begin, end, name in zip(edges[:-1:2], edges[1::2], names, strict=False):
        painted[200 + begin : 200 + end] = name
        starts, stops = intervals.get(name, (np.empty(0, np.int64), np.empty(0, np.int64)))
        intervals[name] = np.append(starts, begin), np.append(stops, end)
    inside = painted[200 + start : 200 + start + length]
    wanted = next((n for n in "abc" if (inside == n).sum() >= 0.6 * length), None)
    assert label_windows(intervals, np.array([start]), length, 0.6) == [wanted]

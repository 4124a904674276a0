"""The gate behind ``window``, as a user meets it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmbind.errors import ConfigError, GateError
from mmbind.files import read_json, write_json
from mmbind.study import Study
from mmbind.windows import cut_windows
from mmbind.windows.gate import summarise
from mmbind.windows.store import ModalitySpec, StoreWriter, WindowStore
from tests.support import ROOT, write_study
from tests.unit.windows.recorded import Recording, sine, write_records

CUT = {"cut": {"kind": "sliding", "length_s": 2.0, "hop_s": 2.0}}
STEPS = {"modalities": {name: {"steps": 32} for name in ("acc", "gyro", "mag")}}


def noise(seed: int, seconds: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    times, _ = sine(1.0, 50.0, seconds)
    return times, np.random.default_rng(seed).normal(size=(len(times), 3))


def still(seconds: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    times, values = sine(1.0, 50.0, seconds)
    return times, np.full_like(values, 9.81)


def judged(tmp_path: Path, recordings: list[Recording], **sections: object) -> tuple[Study, list[str]]:
    """A source's windows, and the names of the rules that warn."""
    study = write_study(tmp_path / "study", windows={**CUT, **STEPS}, **sections)
    write_records(study, "s", recordings)
    summary = cut_windows(study, "s")
    assert summary.judgement is not None
    return study, [verdict.rule for verdict in summary.judgement.warnings]


def test_sound_windows_pass_without_a_warning(tmp_path: Path) -> None:
    study, warned = judged(tmp_path, [Recording("p1_1.csv", "p1", {"acc": noise(0), "gyro": noise(1)})])
    assert warned == []
    written = read_json(study.windows("s") / "judgement.json")
    assert written["passed"]
    assert written["figures"]["windows"] == 10
    assert written["figures"]["modalities"]["acc"]["flat_share"] == 0


@pytest.mark.parametrize(
    ("recordings", "rules"),
    [
        ([Recording("p1_1.csv", "p1", {"acc": still()})], ["window_flat", "window_repeated"]),
        ([Recording(f"p{i}_1.csv", f"p{i}", {"acc": noise(0)}) for i in (1, 2)], ["window_repeated"]),
        (
            [Recording("p1_1.csv", "p1", {"acc": noise(0), "gyro": noise(1, 6.0)})],
            ["window_absent"],
        ),
        (
            [Recording(f"p{i}_1.csv", f"p{i}", {"acc": noise(i, 20.0 if i else 1.0)}) for i in range(3)],
            ["window_recordings"],
        ),
        ([Recording("p1_1.csv", "p1", {"acc": noise(0)}, [(0.0, 20.0, "walk")])], ["window_classes"]),
    ],
    ids=["off", "twice", "half recorded", "too short", "one class"],
)
def test_each_rule_finds_its_fault(tmp_path: Path, recordings: list[Recording], rules: list[str]) -> None:
    assert judged(tmp_path, recordings)[1] == rules


def test_a_critical_rule_stops_and_leaves_the_windows_to_be_looked_at(tmp_path: Path) -> None:
    suites = tmp_path / "house" / "expectations"
    entry = read_json(ROOT / "expectations" / "windows.json")["expectations"]
    flat = next(rule for rule in entry if rule["meta"]["rule"] == "window_flat")
    flat["meta"]["severity"] = "critical"
    write_json(suites / "windows.json", {"name": "windows", "expectations": entry})
    study = write_study(tmp_path / "study", windows={**CUT, **STEPS}, house=str(tmp_path / "house"))
    write_records(study, "s", [Recording("p1_1.csv", "p1", {"acc": still()})])
    with pytest.raises(GateError, match=r"windows of s: the rule 'window_flat' .* flat_share of acc is 1\.0"):
        cut_windows(study, "s")
    assert len(WindowStore.open(study.windows("s"), stage="window")) == 10
    assert not read_json(study.windows("s") / "judgement.json")["passed"]
    write_json(
        suites / "windows.s.json",
        {"name": "own", "expectations": [{**flat, "meta": {**flat["meta"], "severity": "off"}}]},
    )
    assert cut_windows(study, "s").judgement is not None


def test_a_rule_on_a_figure_that_windows_do_not_have_is_refused(tmp_path: Path) -> None:
    suites = tmp_path / "house" / "expectations"
    entries = read_json(ROOT / "expectations" / "windows.json")["expectations"]
    entries[0]["kwargs"]["column"] = "rest_magnitude"
    write_json(suites / "windows.json", {"name": "windows", "expectations": entries})
    study = write_study(tmp_path / "study", windows={**CUT, **STEPS}, house=str(tmp_path / "house"))
    write_records(study, "s", [Recording("p1_1.csv", "p1", {"acc": noise(0)})])
    with pytest.raises(ConfigError, match="unknown column 'rest_magnitude'"):
        cut_windows(study, "s")


def test_a_study_without_the_suite_is_not_judged(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", windows={**CUT, **STEPS}, house=str(tmp_path))
    write_records(study, "s", [Recording("p1_1.csv", "p1", {"acc": still()})])
    assert cut_windows(study, "s").judgement is None
    assert not (study.windows("s") / "judgement.json").exists()


def write_signals(folder: Path, signals: np.ndarray) -> WindowStore:
    """A store of one modality in two shards."""
    writer = StoreWriter(folder, {"acc": ModalitySpec(4, ["x", "y"], "m/s2", 2.0)})
    for first in (0, 4):
        here = signals[first : first + 4]
        ids = [f"w{first + i}" for i in range(len(here))]
        texts = {name: ["s"] * len(here) for name in ("recording", "source", "subject")}
        times = {name: np.zeros(len(here), np.int64) for name in ("start_ns", "stop_ns")}
        index = pl.DataFrame(
            {"window": ids, **texts, **times, "label": [None] * len(here)}, schema_overrides={"label": pl.String}
        )
        writer.add(index, {"acc": (np.ones(len(here), np.bool_), here)})
    whole = {"kept": len(signals), "planned": len(signals)}
    modalities = {"acc": {"present": len(signals), "absent": 0}}
    counts = {"windows": whole, "recordings": {"read": 1, "cut": 1}, "modalities": modalities, "labels": {}}
    writer.close({**counts, "unlabelled": len(signals), "readings": {}})
    return WindowStore.open(folder, stage="window")


@given(arrays(np.float32, (6, 4, 2), elements=st.sampled_from([0.0, 1.0, -1.0, 2.5])))
def test_flat_and_repeated_windows_are_counted_as_by_hand(signals: np.ndarray) -> None:
    with TemporaryDirectory() as folder:
        row = summarise(write_signals(Path(folder), signals)).filter(scope="modality").row(0, named=True)
    flat = [all((window[:, c] == window[0, c]).all() for c in range(2)) for window in signals]
    different = {window.tobytes() for window in signals}
    assert row["flat_share"] == pytest.approx(sum(flat) / 6)
    assert row["repeated_share"] == pytest.approx((6 - len(different)) / 6)
    assert row["abs_max"] == np.abs(signals).max()

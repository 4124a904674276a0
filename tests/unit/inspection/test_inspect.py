"""Drafts of logs whose truth is known: they load, they read, and their units and rates are right."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.config import load_params
from mmbind.errors import DataError, InputError
from mmbind.inspection import inspect
from mmbind.simulation.fleets import FLEETS, write_demo_fleets
from tests.support import ROOT
from tests.unit.inspection.logs import NAMES, checked, in_units, motion, stamped, triaxial, write_csv


@pytest.mark.parametrize("acc", ["m/s2", "g", "mg"])
@pytest.mark.parametrize("gyro", ["rad/s", "deg/s"])
@pytest.mark.parametrize("mag", ["uT", "gauss", "nT"])
def test_units_are_told_by_physics(tmp_path: Path, acc: str, gyro: str, mag: str) -> None:
    units = {"acc": acc, "gyro": gyro, "mag": mag}
    for seed in range(2):
        write_csv(tmp_path / f"p{seed}.csv", stamped(seed, 1.0, units=units))
    found = checked(inspect(tmp_path))
    assert {name: spec.unit for name, spec in found.draft.source.modalities.items()} == units


def test_counts_get_the_scale_that_makes_rest_one_g(tmp_path: Path) -> None:
    signals = in_units(motion(1), {"acc": "g", "gyro": "deg/s"})
    counts = {"acc": np.rint(signals["acc"] * 4096), "gyro": np.rint(signals["gyro"] * 32768 / 250)}
    write_csv(tmp_path / "log.csv", {"t": np.arange(1500) * 0.02, **triaxial(counts, NAMES)})
    spec = checked(inspect(tmp_path / "log.csv")).draft.source.modalities
    assert (spec["acc"].unit, spec["acc"].scale) == ("g", 1 / 4096)
    assert (spec["gyro"].unit, spec["gyro"].scale) == ("deg/s", pytest.approx(250 / 32768, rel=1e-4))


def test_odd_scales_are_commented(tmp_path: Path) -> None:
    signals = {"acc": motion(1)["acc"] * 3.7}
    write_csv(tmp_path / "log.csv", {"t": np.arange(1500) * 0.02, **triaxial(signals, NAMES)})
    found = checked(inspect(tmp_path / "log.csv"))
    assert any("in no unit that is known; this scale makes that 1 g" in doubt for doubt in found.draft.unsure)


@pytest.mark.parametrize(
    ("unit", "seconds", "start"),
    [
        ("s", 1.0, 0.0),
        ("ms", 1e-3, 0.0),
        ("us", 1e-6, 5e6),
        ("ns", 1e-9, 3.1e11),
        ("s", 1.0, 1.7e9),
        ("ms", 1e-3, 1.7e12),
        ("us", 1e-6, 1.7e15),
    ],
)
def test_units_of_time_are_told_by_range_and_rate(tmp_path: Path, unit: str, seconds: float, start: float) -> None:
    write_csv(tmp_path / "log.csv", stamped(3, seconds, start))
    clock = checked(inspect(tmp_path / "log.csv")).draft.source.modalities["acc"].clock
    assert (clock.kind, clock.unit) == ("timestamp", unit)


def test_dates_are_a_clock(tmp_path: Path) -> None:
    moments = [f"2026-03-01T10:00:{k * 0.02:09.6f}Z" for k in range(1500)]
    acc = motion(2)["acc"]
    rows = [f"{when},{x:.4f},{y:.4f},{z:.4f}" for when, (x, y, z) in zip(moments, acc, strict=True)]
    (tmp_path / "log.csv").write_text("\n".join(["Timestamp,AccX,AccY,AccZ", *rows]) + "\n")
    found = checked(inspect(tmp_path / "log.csv"))
    assert found.draft.source.modalities["acc"].clock.unit == "iso8601"


def test_bursts_are_spread_and_said(tmp_path: Path) -> None:
    columns = stamped(4, 1.0)
    k = np.arange(1500)
    columns["time"] = (k // 5) * 0.1 + (k % 5) * 0.001
    write_csv(tmp_path / "log.csv", columns)
    found = checked(inspect(tmp_path / "log.csv"))
    assert found.draft.source.modalities["acc"].clock.bursts == "spread"
    assert "readings come in bunches" in found.draft.text


def test_coarse_clocks_are_spread(tmp_path: Path) -> None:
    columns = stamped(4, 1.0)
    columns["time"] = np.floor(columns["time"] * 10) / 10
    write_csv(tmp_path / "log.csv", columns)
    clock = checked(inspect(tmp_path / "log.csv")).draft.source.modalities["acc"].clock
    assert "spread" in (clock.duplicates, clock.bursts)


def test_without_times_the_rate_is_a_guess_that_says_so(tmp_path: Path) -> None:
    columns = triaxial(in_units(motion(5), {"acc": "g"}), NAMES)
    write_csv(tmp_path / "log.csv", columns)
    found = checked(inspect(tmp_path / "log.csv"), rate=None)
    assert found.draft.source.modalities["acc"].clock.kind == "sample_index"
    assert any("no column tells time" in doubt for doubt in found.draft.unsure)
    assert "# ? no column tells time" in found.draft.text


def test_without_times_turning_tells_the_rate(tmp_path: Path) -> None:
    columns = triaxial(in_units(motion(5), {"acc": "g", "gyro": "deg/s"}), NAMES)
    write_csv(tmp_path / "log.csv", columns)
    found = checked(inspect(tmp_path / "log.csv"), rate=None)
    assert found.draft.source.modalities["acc"].clock.rate_hz == pytest.approx(50, rel=0.1)
    assert any("gravity turns as at about" in doubt for doubt in found.draft.unsure)


def test_other_modalities_get_their_units(tmp_path: Path) -> None:
    k = np.arange(600)
    columns = {
        "time": k * 0.5, "temperature": 20 + np.sin(k / 50), "pressure": 1013 + np.sin(k / 90),
        "humidity": 40 + np.sin(k / 70), "co2": 600 + k / 10, "yaw": 180 * np.sin(k / 60), "pitch": 80 * np.cos(k / 60),
        "roll": 170 * np.sin(k / 30),
    }  # fmt: skip
    write_csv(tmp_path / "log.csv", columns)
    found = inspect(tmp_path / "log.csv")
    units = {name: spec.unit for name, spec in found.draft.source.modalities.items()}
    assert units == {"temperature": "degC", "pressure": "hPa", "humidity": "%", "co2": "ppm", "orientation": "deg"}
    assert found.draft.source.modalities["orientation"].channels == ["yaw", "pitch", "roll"]
    assert found.draft.source.max_gap_s == pytest.approx(2.5, rel=0.01)
    assert found.trial.summary.recordings == 1


def test_a_folder_of_files_per_sensor_is_joined(tmp_path: Path) -> None:
    for subject in (1, 2, 3):
        for activity in ("WAL", "JOG", "SIT"):
            for trial in (1, 2):
                signals = motion(10 * subject + trial, count=400)
                for sensor in ("acc", "gyro"):
                    columns = {"t": np.arange(400) * 0.02, **dict(zip("xyz", signals[sensor].T, strict=True))}
                    write_csv(tmp_path / f"sub{subject}/{activity}/{activity}_{sensor}_{subject}_{trial}.csv", columns)
    (tmp_path / "README.md").write_text("About these data.")
    found = checked(inspect(tmp_path))
    source = found.draft.source
    assert set(source.join) == {"acc", "gyro"}
    assert source.identity.groups == {"subject", "label", "session"}
    assert found.naming.others == ["README.md"]
    shown = found.trial.recordings
    assert set(shown["subject"]) <= {"1", "2", "3"}
    assert set(found.trial.labels) <= {"WAL", "JOG", "SIT"}
    assert shown.filter(pl.col("file_acc").is_null() | pl.col("file_gyro").is_null()).height == 0


def test_the_demo_fleets_are_read_as_their_study_reads_them(tmp_path: Path) -> None:
    write_demo_fleets(tmp_path, minutes=dict.fromkeys(FLEETS, 0.6), seed=3)
    declared = load_params(ROOT / "params.yaml").sources
    for name in FLEETS:
        source = checked(inspect(tmp_path / name), rate=None).draft.source
        for modality, spec in declared[name].modalities.items():
            found = source.modalities[modality]
            assert (found.columns, found.unit) == (spec.columns, spec.unit)
            assert (found.clock.kind, found.clock.unit) == (spec.clock.kind, spec.clock.unit)
            assert getattr(found.clock, "stamps", None) == getattr(spec.clock, "stamps", None)
        assert source.labels.column == declared[name].labels.column
        assert source.identity.groups == {"subject", "session"}


def test_what_holds_no_log_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(DataError, match=r"a\.bin"):
        inspect(tmp_path / "a.bin")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no logs"):
        inspect(tmp_path / "empty")
    (tmp_path / "words.csv").write_text("a,b\nhello,world\n" * 20)
    with pytest.raises(DataError, match="holds no numbers"):
        inspect(tmp_path / "words.csv")

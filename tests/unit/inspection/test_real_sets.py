"""Real logs, never described to inspection: the drafts read them, conserve rows, and have gravity at rest."""

from pathlib import Path
from typing import NamedTuple

import pytest

from mmbind.inspection import inspect
from tests.unit.inspection.logs import GRAVITY
from tests.unit.validation.real import unpack

pytestmark = pytest.mark.real


class Known(NamedTuple):
    """Some files of a set, and what its papers say of them."""

    files: str
    count: int
    units: dict[str, str]
    groups: set[str]
    rates: dict[str, float]
    doubts: list[str]


SETS = {
    "utd_mhad": Known(
        r"(Inertial|Skeleton)/a\d+_s[12]_t1_",
        108,
        {"acc": "g", "gyro": "deg/s", "skeleton": "m"},
        {"label", "subject"},
        {},
        ["acc: the rate: no column tells time", "skeleton: the rate"],
    ),
    "sisfall": Known(
        r"SA0[1-3]/[DF]0[1-8]_SA0[1-3]_R0[12]",
        42,
        {"acc": "g", "gyro": "deg/s", "acc2": "mg"},
        {"label", "subject", "session"},
        {},
        ["acc: the rate: no column tells time", "these may be counts, 1024 to 1 g", "gyro: unit deg/s: whole counts"],
    ),
    "mobifall": Known(
        r"sub[23]/.*/(WAL|JOG|FOL|STN)_(acc|gyro|ori)_[23]_[12]\.txt",
        42,
        {"acc": "m/s2", "gyro": "rad/s", "orientation": "deg"},
        {"label", "subject", "session"},
        {"acc": 90, "gyro": 200, "orientation": 200},
        [],
    ),
    "weda_fall": Known(
        r"50Hz/(D01|D08|F01)/U0[1-3]_R0[12]_",
        72,
        {"acc": "m/s2", "gyro": "rad/s", "orientation": "1", "vertical_acc": "m/s2"},
        {"label", "subject", "session"},
        {"acc": 50, "gyro": 50, "orientation": 50},
        ["acc: bursts"],
    ),
    "geotec": Known(
        r"DATA/s0[1-3]/s0[1-3]_0[12]_",
        12,
        {"acc": "m/s2", "gyro": "rad/s"},
        {"subject", "session", "device"},
        {"acc": 100, "gyro": 100},
        [],
    ),
}


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_set_is_drafted_from_its_files_alone(tmp_path: Path, name: str) -> None:
    known = SETS[name]
    unpack(f"{name}.tar.xz", known.files, known.count, tmp_path / name)
    found = inspect(tmp_path / name)
    source, trial = found.draft.source, found.trial
    assert {modality: spec.unit for modality, spec in source.modalities.items()} == known.units
    assert source.identity.groups >= known.groups
    assert trial.modalities["acc"].rest == pytest.approx(GRAVITY, rel=0.07)
    for modality, rate in known.rates.items():
        assert trial.modalities[modality].rate_hz == pytest.approx(rate, rel=0.12), modality
    for doubt in known.doubts:
        assert any(doubt in each for each in found.draft.unsure), doubt
    assert trial.labels
    assert set(trial.problems["rule"]) <= {"duplicate_time"}
    assert all(tried.kept > 50 for tried in trial.modalities.values())

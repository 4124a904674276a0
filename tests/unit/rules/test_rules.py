"""Every rule of the gates and of the quarantine is broken by a real file that is spoilt on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from mmbind.files import read_json
from mmbind.sources import rules
from mmbind.validation.judgement import Verdict
from tests.support import ROOT
from tests.unit.rules import physics, quarantine, records, windows
from tests.unit.rules.spoil import Case, study_of, told_by_gate, told_by_quarantine, unpack, verdicts

Raw = Callable[[str], Path]
#: Rules with nothing to judge in sound logs: no remark, no likeness, no spike, no file that turns often.
UNSEEN = {"files_whole", "copies", "twins", "spikes", "spikes_stop", "turns_of_file"}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Raw:
    """The folder of one of ``LOGS``."""

    @cache
    def folder(name: str) -> Path:
        place = tmp_path_factory.mktemp("raw") / name
        unpack(name, place)
        return place

    return folder


@pytest.fixture(scope="module")
def sound(raw: Raw, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Verdict]]:
    """What the rules say of one of ``LOGS`` before it is spoilt."""
    return cache(lambda name: verdicts(raw(name), tmp_path_factory.mktemp("sound"), name))


def suite(name: str) -> set[str]:
    return {entry["meta"]["rule"] for entry in read_json(ROOT / "expectations" / f"{name}.json")["expectations"]}


def fits(wanted: str, told: str) -> bool:
    """Whether a text is among what was told; ``...`` stands for anything in one line."""
    return re.search(".*".join(map(re.escape, wanted.split("..."))), told) is not None


@pytest.mark.parametrize(
    ("cases", "known"),
    [
        ([*records.CASES, *physics.CASES], suite("records")),
        (windows.CASES, suite("windows")),
        (quarantine.CASES, {*rules.OF_READINGS, *rules.OF_FILES, *rules.OF_LABELS}),
    ],
    ids=["records", "windows", "quarantine"],
)
def test_no_rule_is_without_a_spoilt_file(cases: list[Case], known: set[str]) -> None:
    assert {case.rule for case in cases} == known


@pytest.mark.real
@pytest.mark.parametrize("case", [*records.CASES, *physics.CASES], ids=str)
def test_a_gate_of_records_names_the_fault(
    case: Case, raw: Raw, sound: Callable[[str], dict[str, Verdict]], tmp_path: Path
) -> None:
    before = sound(case.logs)[case.rule]
    assert before.passed
    assert before.judged > 0 or case.rule in UNSEEN
    told = told_by_gate(study_of(tmp_path, case, raw(case.logs), "records"), case)
    assert f"the rule '{case.rule}' is broken: " in told
    assert fits(case.reads, told), told


@pytest.mark.real
def test_rows_that_vanish_from_the_records_are_missed(raw: Raw, tmp_path: Path) -> None:
    def spoil(records: Path) -> None:
        path = sorted(records.glob("gyro/*.parquet"))[0]
        pl.read_parquet(path)[:-1].write_parquet(path)

    case = Case("complete", logs="shaken", fault="a row is lost", spoil=spoil, reads="", later=True)
    told = told_by_gate(study_of(tmp_path, case, raw("shaken"), "records"), case)
    assert "rows are not conserved" in told
    assert "gyro: the manifest states" in told


@pytest.mark.real
@pytest.mark.parametrize("case", windows.CASES, ids=str)
def test_the_gate_of_windows_names_the_fault(case: Case, raw: Raw, tmp_path: Path) -> None:
    told = told_by_gate(study_of(tmp_path, case, raw(case.logs), "windows"), case, windows=True)
    assert f"the rule '{case.rule}' is broken: " in told
    assert fits(case.reads, told), told


@pytest.mark.real
@pytest.mark.parametrize("case", quarantine.CASES, ids=str)
def test_the_quarantine_names_the_fault(case: Case, raw: Raw, tmp_path: Path) -> None:
    told = told_by_quarantine(study_of(tmp_path, case, raw(case.logs), None), case)
    assert fits(case.reads, told), told

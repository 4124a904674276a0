"""Suites: how a source replaces rules, and how mistakes in a suite are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmbind.errors import ConfigError
from mmbind.files import read_json, write_json
from mmbind.study import Study
from mmbind.units import GRAVITY
from mmbind.validation import validate
from mmbind.validation.columns import RECORDS
from mmbind.validation.suites import load_suite
from tests.support import ROOT
from tests.unit.validation.records import study_with_suites, worn, write_records

SUITES = ROOT / "expectations"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A house's suites: some rules of the repository's own."""
    rules = ("gravity", "gravity_of_file", "rate", "calibration")
    folder = tmp_path / "house" / "expectations"
    write_json(folder / "records.json", {"name": "records", "expectations": [expectation(rule) for rule in rules]})
    return folder


@pytest.fixture
def study(tmp_path: Path, folder: Path) -> Study:
    """A study with its own house, whose accelerometer gives g where m/s2 is declared."""
    study = study_with_suites(tmp_path / "house", ["acc"], house=".")
    write_records(study, {f"p1_{i}.csv": {"acc": worn(i)["acc"] / GRAVITY} for i in range(3)})
    return study


def expectation(rule: str, **changes: Any) -> dict[str, Any]:
    """The expectation of a rule of records.json, changed."""
    entries = read_json(SUITES / "records.json")["expectations"]
    found = next(entry for entry in entries if entry["meta"]["rule"] == rule)
    meta, kwargs = changes.pop("meta", {}), changes.pop("kwargs", {})
    return {**found, **changes, "meta": {**found["meta"], **meta}, "kwargs": {**found["kwargs"], **kwargs}}


def write_own(folder: Path, *expectations: dict[str, Any], source: str = "s") -> None:
    write_json(folder / f"records.{source}.json", {"name": "own", "expectations": list(expectations)})


def test_a_sources_own_file_replaces_rules_by_name(study: Study, folder: Path) -> None:
    write_own(
        folder,
        expectation("gravity", kwargs={"min_value": 0.5, "max_value": 1.5}),
        expectation("gravity_of_file", meta={"severity": "off"}),
        expectation("calibration", meta={"rule": "calibration_in_g"}, kwargs={"min_value": 0.9, "max_value": 1.1}),
        expectation("calibration", meta={"severity": "off"}),
    )
    judgement = validate(study, "s")
    rules = [verdict.rule for verdict in judgement.verdicts]
    assert judgement.suites == ["records.json", "records.s.json"]
    assert judgement.warnings == []
    assert rules == ["gravity", "rate", "calibration_in_g"]


def test_another_sources_file_changes_nothing(folder: Path) -> None:
    base = load_suite(folder, RECORDS, "s").rules
    write_own(folder, expectation("gravity", meta={"severity": "off"}), source="other")
    assert load_suite(folder, RECORDS, "s").rules == base
    assert len(load_suite(folder, RECORDS, "other").rules) == len(base) - 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"type": "expect_column_values_to_be_betwen"}, r"unknown type .*Did you mean 'expect_column_values_to_be_"),
        ({"kwargs": {"column": "rest_magnitud"}}, r"unknown column .*Did you mean 'rest_magnitude'"),
        ({"kwargs": {"min_val": 3}}, r"no expectation: .*min_val"),
        (
            {"kwargs": {"row_condition": "scop == 'file'"}},
            "row_condition that cannot be used: name 'scop' is not defined",
        ),
    ],
)
def test_an_expectation_that_would_be_dropped_is_named(study: Study, folder: Path, wrong: Any, told: str) -> None:
    write_own(folder, expectation("rate", **wrong))
    with pytest.raises(ConfigError, match=rf"records\.s\.json: the rule 'rate'.*{told}"):
        validate(study, "s")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"meta": {"severity": "fatal"}}, "severity"),
        ({"meta": {"hint": "?"}}, "hint"),
        ({"kwargs": {"row_condition": "scope == 'files'"}}, "Did you mean 'file'"),
        ({"kwargs": {"row_condition": "scope == 'file' and unit == 'm/s^2'"}}, "Did you mean 'm/s2'"),
    ],
)
def test_mistakes_in_a_suite_file_are_told(folder: Path, wrong: Any, told: str) -> None:
    write_own(folder, expectation("rate", **wrong))
    with pytest.raises(ConfigError, match=told):
        load_suite(folder, RECORDS, "s")


def test_other_expectations_than_between_are_told_in_words(study: Study, folder: Path) -> None:
    entries = [expectation(rule, meta={"severity": "off"}) for rule in ("gravity", "gravity_of_file")]
    rows = {"row_condition": "scope == 'file'", "condition_parser": "pandas"}
    for rule, kind, kwargs in (
        ("units", "expect_column_values_to_be_in_set", {"column": "unit", "value_set": ["rad/s"], **rows}),
        ("declared", "expect_column_values_to_not_be_null", {"column": "duplicate_share", **rows}),
        ("files", "expect_table_row_count_to_be_between", {"min_value": 9}),
    ):
        entries.append({**expectation("rate"), "type": kind, "kwargs": kwargs})
        entries[-1]["meta"] |= {"rule": rule}
    write_own(folder, *entries)
    judgement = validate(study, "s")
    sentences = {verdict.rule: verdict.sentence for verdict in judgement.warnings}
    assert sentences["units"].endswith("unit of acc in p1_0.csv is m/s2, allowed is value_set ['rad/s'] (3 of 3 fail)")
    assert sentences["files"] == "the rule 'files' is broken: the table is 5, allowed is at least 9"
    assert "declared" not in sentences


def test_a_rule_stands_once_in_a_file(folder: Path) -> None:
    write_own(folder, expectation("rate"), expectation("rate"))
    with pytest.raises(ConfigError, match="'rate' stands twice"):
        load_suite(folder, RECORDS, "s")


def test_missing_and_broken_suite_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"records\.json: cannot be read"):
        load_suite(tmp_path, RECORDS, "s")
    (tmp_path / "records.json").write_text("{\n  oops")
    with pytest.raises(ConfigError, match=r"records\.json:2: is not JSON"):
        load_suite(tmp_path, RECORDS, "s")

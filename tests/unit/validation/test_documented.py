"""docs/gates.md and docs/quarantine.md name every rule."""

from __future__ import annotations

from mmbind.files import read_json
from mmbind.sources import rules
from tests.support import ROOT


def test_every_rule_of_the_suites_is_explained() -> None:
    text = (ROOT / "docs" / "gates.md").read_text()
    for suite in sorted((ROOT / "expectations").glob("*.json")):
        known = {entry["meta"]["rule"] for entry in read_json(suite)["expectations"]}
        assert {rule for rule in known if f"`{rule}`" not in text} == set(), suite.name


def test_every_rule_of_the_quarantine_is_explained() -> None:
    text = (ROOT / "docs" / "quarantine.md").read_text()
    known = {*rules.OF_READINGS, *rules.OF_FILES, *rules.OF_LABELS}
    assert {rule for rule in known if f"`{rule}`" not in text} == set()

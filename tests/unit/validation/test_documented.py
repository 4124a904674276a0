"""docs/gates.md and the suites name the same rules."""

from __future__ import annotations

from mmbind.files import read_json
from tests.support import ROOT


def test_every_rule_of_the_suites_is_explained() -> None:
    text = (ROOT / "docs" / "gates.md").read_text()
    for suite in sorted((ROOT / "expectations").glob("*.json")):
        rules = {entry["meta"]["rule"] for entry in read_json(suite)["expectations"]}
        assert {rule for rule in rules if f"`{rule}`" not in text} == set(), suite.name

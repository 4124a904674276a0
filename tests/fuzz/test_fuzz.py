"""A short run of the mutator: every spoilt file ends as rows, as quarantine, or as one clear error."""

from __future__ import annotations

from tests.fuzz.run import fuzz


def test_spoilt_files_end_well() -> None:
    outcome = fuzz(300, seed=7)
    assert outcome.failures == []
    assert sum(count for counts in outcome.counts.values() for count in counts.values()) == 300

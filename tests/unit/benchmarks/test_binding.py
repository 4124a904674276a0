"""The benchmark of binding, on small sizes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.binding import __main__ as benchmark


def test_every_part_writes_a_section_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.md"
    parts = {"throughput": "embedding", "steps": "steps after the search", "research": "the research code's pairing"}
    arguments = [argument for part in parts for argument in ("--part", part)]
    given = ["binding", "--quick", "--size", "1100", "--rounds", "1", "--results", str(out), *arguments]
    monkeypatch.setattr(sys, "argv", given)
    benchmark.main()
    text, printed = out.read_text(), capsys.readouterr().out
    for part, title in parts.items():
        assert f"## Binding: {title}\n\n`python -m benchmarks.binding --part {part} --quick`" in text
    assert "load of others at the start" in text
    assert all(line in text for line in printed.splitlines())
    assert "| transport on " in text
    assert "| dense cosines and argmax |" in text
    assert "| the encoder |" in text


def test_a_search_that_is_not_proven_is_said_to_be_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "results.md"
    given = ["binding", "--quick", "--size", "1100", "--part", "approximate", "--results", str(out)]
    monkeypatch.setattr(sys, "argv", given)
    benchmark.main()
    assert "1,100 x 1,100: searched exactly (fewer than 20000 queries or lenders)." in out.read_text()

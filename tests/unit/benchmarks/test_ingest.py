"""The benchmark of ingest works; how fast it is, is asked elsewhere."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from benchmarks.ingest import __main__ as benchmark
from benchmarks.ingest.generate import HEADER, write_many, write_one


def test_generated_logs_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    size = write_one(tmp_path / "a" / "x.csv", 1 << 18)
    write_one(tmp_path / "b" / "x.csv", 1 << 18)
    write_one(tmp_path / "c" / "x.csv", 1 << 18, seed=1)
    digests = {hashlib.sha256((tmp_path / name / "x.csv").read_bytes()).hexdigest() for name in "abc"}
    assert len(digests) == 2
    assert size == (tmp_path / "a" / "x.csv").stat().st_size >= 1 << 18
    total = write_many(tmp_path / "many", 1 << 18, 12)
    files = sorted((tmp_path / "many").glob("*.csv"))
    assert len(files) == 12
    assert sum(path.stat().st_size for path in files) == total
    assert all(path.read_bytes().startswith(HEADER) for path in files)


def test_one_command_measures_and_writes_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.md"
    arguments = ["ingest", "--quick", "--out", str(out), "--scratch", str(tmp_path / "scratch")]
    monkeypatch.setattr(sys, "argv", arguments)
    benchmark.main()
    text = out.read_text()
    assert capsys.readouterr().out.strip() in text
    assert text.startswith("# Benchmarks")
    assert all(f"| {name} | 0.00 |" in text for name in ("one file", "20 files", "one large file"))
    assert "One file added to 20 files:" in text
    assert "load of others at the start" in text
    assert not any((tmp_path / "scratch").iterdir())

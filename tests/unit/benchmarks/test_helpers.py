"""What benchmarks are measured and written with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.measure import FailedError, Run, in_turn, ratio, run, typical
from benchmarks.results import table, write_section


def test_a_commands_peak_is_its_own_and_not_that_of_who_measures_it() -> None:
    held = bytearray(b"x" * (256 << 20))
    small = run([sys.executable, "-c", "pass"])
    large = run([sys.executable, "-c", "x = bytearray(b'x' * (128 << 20))"])
    assert len(held) > small.peak_bytes
    assert large.peak_bytes - small.peak_bytes > 100 << 20
    assert small.cpu_seconds > 0


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    code = "import os, pathlib; raise SystemExit(pathlib.Path('here').exists() and int(os.environ['CODE']))"
    assert run([sys.executable, "-c", code], cwd=tmp_path, env={"CODE": "0"}).seconds > 0
    with pytest.raises(FailedError, match="ended with 3"):
        run([sys.executable, "-c", code], cwd=tmp_path, env={"CODE": "3"})


def test_candidates_take_turns_and_are_compared_pair_by_pair() -> None:
    order: list[str] = []
    costs = iter([1.0, 3.0, 10.0, 20.0, 2.0, 8.0])

    def start(name: str) -> Run:
        order.append(name)
        return Run(next(costs), 1.0, 7)

    runs = in_turn({name: lambda name=name: start(name) for name in ("floor", "mine")}, 3)
    assert order == ["floor", "mine"] * 3
    assert ratio(runs["mine"], runs["floor"]) == 3.0
    assert typical(runs["floor"]) == Run(2.0, 1.0, 7)


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "results.md"
    write_section("Ingest", "first\n\n### detail\n\nx", path)
    write_section("Windows", table(["a", "b"], [["x", 1.5]]), path)
    before = path.read_text()
    write_section("Ingest", "second", path)
    after = path.read_text()
    assert after == before.replace("first\n\n### detail\n\nx", "second")
    assert "| a | b |\n| --- | ---: |\n| x | 1.5 |" in after
    assert after.startswith("# Benchmarks\n\n")
    write_section("Ingest", "second", path)
    assert path.read_text() == after

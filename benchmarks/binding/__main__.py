"""``python -m benchmarks.binding``: writes the sections Binding of ``results.md``, each when it is done."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.binding import research, search, steps, throughput
from benchmarks.results import RESULTS, machine, write_section

#: Parts, and what their sections are called.
PARTS = {
    "exact": "exact search",
    "approximate": "approximate search",
    "steps": "steps after the search",
    "research": "the research code's pairing",
    "throughput": "embedding",
}


def main() -> None:
    """Runs all parts, or some."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.binding", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does everything run?")
    parser.add_argument("--part", action="append", choices=PARTS, help="may be given several times (all)")
    parser.add_argument("--size", type=int, help="windows on each side, instead of the sizes that are asked for")
    parser.add_argument("--rounds", type=int, help="how often each is timed, in turn")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file whose sections are written")
    given = parser.parse_args()

    def size(full: int, small: int) -> int:
        return int(given.size or (small if given.quick else full))

    def rounds(full: int) -> int:
        return int(given.rounds or (1 if given.quick else full))

    parts = {
        "exact": lambda: search.exact_section(
            [given.size] if given.size else [2_000, 5_000] if given.quick else [10_000, 30_000, 100_000], rounds(5)
        ),
        "approximate": lambda: search.approximate_section(size(1_000_000, 20_000)),
        "steps": lambda: steps.section(size(100_000, 2_000), rounds(3)),
        "research": lambda: research.section(size(30_000, 4_000), rounds(3)),
        "throughput": lambda: throughput.section(size(32_768, 4_096), rounds(7)),
    }
    for name in given.part or PARTS:
        print(f"binding: {PARTS[name]}", file=sys.stderr, flush=True)
        text = parts[name]()
        print(text, flush=True)
        write_section(f"Binding: {PARTS[name]}", f"{_run(name, given.quick)}\n\n{text}", given.results)


def _run(part: str, quick: bool) -> str:
    """How and where a part was measured."""
    command = f"python -m benchmarks.binding --part {part}" + (" --quick" if quick else "")
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    return f"`{command}` on {machine()}" + (f" Niceness {niceness}." if niceness else "")


if __name__ == "__main__":
    main()

"""``python -m benchmarks.binding``: writes the section Binding of ``results.md``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.binding import research, search, steps, throughput
from benchmarks.results import RESULTS, machine, write_section


def main() -> None:
    """Runs all parts, or some."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.binding", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does everything run?")
    parser.add_argument("--part", action="append", choices=["exact", "approximate", "steps", "research", "throughput"])
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file whose section is written")
    given = parser.parse_args()
    quick = given.quick
    parts = {
        "exact": lambda: search.exact_section(
            [2_000, 5_000] if quick else [10_000, 30_000, 100_000], 3 if quick else 5
        ),
        "approximate": lambda: search.approximate_section(20_000 if quick else 1_000_000),
        "steps": lambda: steps.section(2_000 if quick else 100_000, 2 if quick else 3),
        "research": lambda: research.section(4_000 if quick else 30_000, 1 if quick else 3),
        "throughput": lambda: throughput.section(4_096 if quick else 32_768, 3 if quick else 5),
    }
    texts = []
    for name in given.part or parts:
        print(f"binding: {name}", file=sys.stderr, flush=True)
        texts.append(parts[name]())
        print(texts[-1], flush=True)
    what = "python -m benchmarks.binding" + (" --quick" if quick else "")
    write_section("Binding", "\n\n".join([f"`{what}`, {machine()}.", *texts]), given.results)


if __name__ == "__main__":
    main()

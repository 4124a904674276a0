"""``python -m benchmarks.gap``: prints the table of ``docs/binding.md`` that tells what each switch is worth on falls.

From the packed data sets on: whatever is missing in the working folder is unpacked, read, judged and cut first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from benchmarks.gap.table import ROWS, measure, shown
from mmbind.sources import fetch_archives, ingest
from mmbind.study import Study
from mmbind.validation import validate
from mmbind.windows import cut_windows

HOUSE = Path(__file__).resolve().parents[2]


def main() -> None:
    """Measures all rows, or some."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gap", description=__doc__)
    parser.add_argument("--from", dest="packed", type=Path, help="the folder of the packed data sets")
    parser.add_argument(
        "--work", type=Path, required=True, help="a folder for all that is made; kept for the next time"
    )
    parser.add_argument("--row", type=int, action="append", choices=range(1, len(ROWS) + 1), help="some rows only")
    given = parser.parse_args()
    study = prepared(given.work, given.packed)
    results = []
    for number in given.row or range(1, len(ROWS) + 1):
        row = ROWS[number - 1]
        print(f"row {number}: {row}", file=sys.stderr, flush=True)
        results.append((row, measure(study, row, given.work / "searches")))
    print(shown(study, results))


def prepared(work: Path, packed: Path | None) -> Study:
    """A copy of ``studies/falls`` in a folder of its own, its windows cut.

    Args:
        work: the folder.
        packed: where the archives lie; None where they were unpacked before.
    """
    values = yaml.safe_load((HOUSE / "studies" / "falls" / "params.yaml").read_text())
    work.mkdir(parents=True, exist_ok=True)
    (work / "params.yaml").write_text(yaml.safe_dump({**values, "house": str(HOUSE)}, sort_keys=False))
    study = Study.load(work)
    if packed is not None:
        fetch_archives(study, packed)
    for source in study.params.sources:
        ingest(study, source)
        validate(study, source)
        cut_windows(study, source)
    return study


if __name__ == "__main__":
    main()

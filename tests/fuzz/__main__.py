"""``python -m tests.fuzz --mutations 10000``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz.pieces import pieces
from tests.fuzz.run import fuzz


def main() -> int:
    """Runs the mutator; returns 1 when a mutation did not end well."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Spoils small logs and reads them.")
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", default="", help="files whose name contains this")
    parser.add_argument("--keep", type=Path, help="folder for the bytes of failures")
    asked = parser.parse_args()
    if not any(piece.archive for piece in pieces().values()):
        print("The raw data sets are missing (MMBIND_RAW): only generated files are spoilt.", file=sys.stderr)
    outcome = fuzz(asked.mutations, seed=asked.seed, workers=asked.workers, only=asked.only, keep=asked.keep)
    print(*outcome.lines(), sep="\n")
    for failure in outcome.failures:
        print(f"\n{failure.number}: {failure.piece}, {failure.kind}: {failure.why}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""The least that reading CSV into Parquet costs: polars, from scan to sink, with nothing checked.

``python -m benchmarks.ingest.floor GLOB OUT``; in a process of its own, as mmbind's ingest.
"""

from __future__ import annotations

import sys

import polars as pl


def main() -> None:
    """Scans the files and writes one Parquet file; bad lines are cut or padded, bad values become null."""
    scan = pl.scan_csv(sys.argv[1], ignore_errors=True, truncate_ragged_lines=True)
    scan.sink_parquet(sys.argv[2], compression="zstd", compression_level=1)


if __name__ == "__main__":
    main()

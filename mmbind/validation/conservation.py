"""Conservation: every row read was kept or quarantined, and nothing else appeared.

The manifest says what ingest counted; the Parquet files say what is there. Both must agree,
file by file and modality by modality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

#: Broken counts that are named.
NAMED = 10


@dataclass(frozen=True)
class Conservation:
    """The outcome.

    Attributes:
        read: rows read, by the manifest.
        kept: rows in the records, counted.
        quarantined: rows in the quarantine, counted.
        broken: how many counts disagree.
        breaks: the first of them, in words.
    """

    read: int
    kept: int
    quarantined: int
    broken: int
    breaks: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether all counts agree."""
        return self.broken == 0


def manifest_counts(manifest: Mapping[str, Any]) -> pl.DataFrame:
    """The manifest's counts, one row per file and modality: file, modality, read, kept, quarantined."""
    rows = [
        (file, modality, counts["read"], counts["kept"], counts["quarantined"])
        for file, entry in sorted(manifest["files"].items())
        for modality, counts in sorted(entry["modalities"].items())
    ]
    return pl.DataFrame(
        rows,
        schema={"file": pl.String, "modality": pl.String, **dict.fromkeys(("read", "kept", "quarantined"), pl.Int64)},
        orient="row",
    )


def check_conservation(stated: pl.DataFrame, kept: pl.DataFrame, quarantined: pl.DataFrame) -> Conservation:
    """Compares what the manifest states with what the files hold.

    Args:
        stated: :func:`manifest_counts`.
        kept: counted records: file (null for a recording that the recordings table does not
            hold), modality, kept.
        quarantined: counted quarantine rows of a modality: file, modality, quarantined.

    Returns:
        Totals, and a sentence for each count that disagrees.
    """
    keys = ["file", "modality"]
    found = kept.group_by(keys).agg(pl.col("kept").sum().alias("found_kept"))
    aside = quarantined.rename({"quarantined": "found_quarantined"})
    both = (
        stated.join(found, on=keys, how="full", coalesce=True, nulls_equal=True)
        .join(aside, on=keys, how="full", coalesce=True, nulls_equal=True)
        .with_columns(pl.exclude(keys).fill_null(0), pl.col("file").fill_null("an unknown recording"))
        .sort(keys)
    )
    breaks: list[str] = []
    for row in both.iter_rows(named=True):
        place = f"{row['file']}, {row['modality']}"
        if row["read"] != row["kept"] + row["quarantined"]:
            breaks.append(f"{place}: read {row['read']}, but kept {row['kept']} + quarantined {row['quarantined']}")
        for name in ("kept", "quarantined"):
            there = row[f"found_{name}"]
            if row[name] != there:
                breaks.append(f"{place}: the manifest states {row[name]} {name} rows, the files hold {there}")
    return Conservation(
        read=int(both["read"].sum()),
        kept=int(both["found_kept"].sum()),
        quarantined=int(both["found_quarantined"].sum()),
        broken=len(breaks),
        breaks=breaks[:NAMED],
    )

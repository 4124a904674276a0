"""What ``mmbind quarantine`` prints."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from rich.table import Table
from rich.text import Text

from mmbind.cli.tables import amount
from mmbind.sources.quarantine import Quarantine, shown
from mmbind.sources.releases import FILE, Releases
from mmbind.study import Study

#: Characters of raw text that a table shows.
SHOWN = 60


def counts_table(found: Sequence[Quarantine]) -> Table:
    """Rows by source, rule and modality; one line for a source without any."""
    table = Table(title="Quarantine")
    for column, right in (
        ("source", False),
        ("rule", False),
        ("modality", False),
        ("rows", True),
        ("share", True),
        ("files", True),
        ("for example", False),
    ):
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for each in found:
        for rule, modality, rows, share, files, example, _ in each.counts().iter_rows():
            part = "" if share is None else f"{share:.3%}"
            table.add_row(each.source, rule, modality or "(file)", amount(rows), part, amount(files), Text(example))
        if not each.rows.height:
            table.add_row(each.source, "none", "", "0", "", "", f"{amount(sum(each.read.values()))} readings kept")
        table.add_section()
    return table


def release_lines(study: Study, found: Sequence[Quarantine]) -> list[str]:
    """One line per source that has releases."""
    lines = []
    known = Releases.of(study.root).by_source
    for each in found:
        mine = known.get(each.source, [])
        if mine:
            corrected = sum(release.text is not None for release in mine)
            outdated = len(each.manifest.get("outdated_releases", []))
            gone = f", {outdated} hold no longer" if outdated else ""
            lines.append(
                f"{each.source}: {FILE} releases {len(mine)} lines ({corrected} corrected){gone}; the last ingest kept "
                f"{each.manifest['counts'].get('released', 0)} of their readings as released"
            )
    return lines


def rows_table(rows: pl.DataFrame) -> Table:
    """Rows with their text, long ones cut in the middle."""
    table = Table()
    for column in ("file", "line", "modality", "rule", "raw", "reason"):
        table.add_column(column, justify="right" if column == "line" else "left", overflow="fold")
    for row in rows.iter_rows(named=True):
        text = shown(row["raw"])
        if len(text) > SHOWN:
            text = f"{text[: SHOWN - 20]} ... {text[-15:]}"
        line = "" if row["line"] is None else str(row["line"])
        table.add_row(Text(row["file"]), line, row["modality"] or "", row["rule"], Text(text), Text(row["reason"]))
    return table


def row_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for JSON: its text escaped, and byte for byte in base64 where that is not the same."""
    text = shown(row["raw"])
    exact = {} if text.encode() == row["raw"] else {"raw_base64": base64.b64encode(row["raw"]).decode()}
    return {**row, "raw": text, **exact}

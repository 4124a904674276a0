"""What ``mmbind inspect`` and ``mmbind ingest --dry-run`` print."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from mmbind.cli.tables import amount
from mmbind.inspection import Inspection, Trial

#: Channels that tables show.
SHOWN = 4


def draft_lines(found: Inspection) -> list[str]:
    """The draft, and which files it was made from."""
    naming = found.naming
    read = f"looked at {len(found.looked_at)} of {len(naming.paths)} files"
    others = f"; {len(naming.others)} others are named differently: {_few(naming.others)}" if naming.others else ""
    unread = [f"# cannot be read: {path}: {reason}" for path, reason in sorted(found.unread.items())]
    heading = f"# Draft by mmbind inspect ({read}{others})."
    doubts = len(found.draft.unsure)
    lines = ["# Put it below 'sources:' in params.yaml. Lines with '?' need a person's eye.", *unread]
    return ["", heading, *lines, *found.draft.text.rstrip().splitlines(), "", f"open questions: {doubts or 'none'}", ""]


def trial_tables(trial: Trial) -> Iterator[Table]:
    """Modalities with counts and ranges, their first rows in SI, labels and problems."""
    yield _modalities(trial)
    yield _first_rows(trial)
    if trial.labels:
        yield _labels(trial)
    yield _problems(trial)


def _modalities(trial: Trial) -> Table:
    table = Table(title=f"{amount(trial.summary.recordings)} recordings in {amount(trial.summary.files)} files")
    for column in ("modality", "unit", "rate Hz", "kept", "quarantined", "at rest", "channels, least to greatest"):
        right = column in ("rate Hz", "kept", "quarantined", "at rest")
        table.add_column(column, justify="right" if right else "left")
    for name, tried in trial.modalities.items():
        edges = [
            f"{channel} {low:.3g} to {high:.3g}"
            for channel, low, high in zip(tried.channels, tried.low, tried.high, strict=True)
        ]
        rate = "" if tried.rate_hz is None else f"{tried.rate_hz:.4g}"
        rest = "" if tried.rest is None else f"{tried.rest:.4g}"
        counts = (amount(tried.kept), amount(tried.quarantined))
        table.add_row(name, tried.unit, rate, *counts, rest, _few(edges, SHOWN) if tried.kept else "")
    return table


def _first_rows(trial: Trial) -> Table:
    table = Table(title=Text(f"First rows of {trial.shown} in SI"))
    for column in ("modality", "t s", "values"):
        table.add_column(column)
    for name, tried in trial.modalities.items():
        for number, row in enumerate(tried.first.iter_rows()):
            values = [f"{value:.4g}" for value in row[1:]]
            table.add_row("" if number else name, f"{row[0] / 1e9:.6f}", _few(values, 2 * SHOWN))
    return table


def _labels(trial: Trial) -> Table:
    table = Table(title="Labels")
    table.add_column("label")
    table.add_column("intervals", justify="right")
    most = sorted(trial.labels.items(), key=lambda each: (-each[1], each[0]))
    for label, count in most[:20]:
        table.add_row(Text(label), amount(count))
    if len(most) > 20:
        table.add_row(f"{len(most) - 20} more", amount(sum(count for _, count in most[20:])))
    return table


def _problems(trial: Trial) -> Table:
    table = Table(title="Problems: what is set aside, and why")
    for column in ("rule", "modality", "rows", "share", "files", "for example", "reason"):
        right = column in ("rows", "share", "files")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for rule, modality, rows, share, files, example, reason in trial.problems.iter_rows():
        part = "" if share is None else f"{share:.3%}"
        where = (Text(example), Text(reason))
        table.add_row(rule, modality or "(file)", amount(rows), part, amount(files), *where)
    if not trial.problems.height:
        table.add_row("none", "", "0", "", "", "", "")
    return table


def _few(texts: list[str], count: int = 3) -> str:
    return ", ".join(texts[:count]) + (", ..." if len(texts) > count else "")

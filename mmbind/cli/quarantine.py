"""``mmbind quarantine``: look at what was set aside, and release what is good after all."""

from __future__ import annotations

import json

import click

from mmbind.cli.options import STUDY

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON lines instead of a table.")


@click.group()
def quarantine() -> None:
    """Look at rows that ingest set aside, and release those that are good after all.

    Nothing is dropped: a row that cannot be used is kept with file, line, text, rule and reason.
    """


@quarantine.command("list")
@STUDY
@click.option("--source", help="Only this source.")
@_JSON
def list_rules(study: str, source: str | None, as_json: bool) -> None:
    """Count the rows by source, rule and modality."""
    from mmbind.cli.quarantine_tables import counts_table, release_lines
    from mmbind.cli.tables import print_table
    from mmbind.sources.quarantine import Quarantine
    from mmbind.study import Study

    loaded = Study.load(study)
    names = [source] if source is not None else sorted(loaded.params.sources)
    found = [Quarantine.of(loaded, name) for name in names if source is not None or (loaded.records(name)).is_dir()]
    if as_json:
        for each in found:
            for row in each.counts().iter_rows(named=True):
                click.echo(json.dumps({"source": each.source, **row}, sort_keys=True, ensure_ascii=False))
        return
    print_table(counts_table(found))
    for line in release_lines(loaded, found):
        click.echo(line)


@quarantine.command()
@STUDY
@click.option("--source", required=True, help="The source.")
@click.option("--rule", help="Only rows of this rule.")
@click.option("--file", "file", help="Only rows of this file (path below the source's folder).")
@click.option("--line", type=int, help="Only this line.")
@click.option("--modality", help="Only rows of this modality.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=0), help="Rows at most; 0 for all.")
@_JSON
def show(
    study: str,
    source: str,
    rule: str | None,
    file: str | None,
    line: int | None,
    modality: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show rows: file, line, the text as it stands there, rule and reason.

    Bytes that are no text are shown escaped; --json adds them in base64.
    """
    from mmbind.cli.quarantine_tables import row_of, rows_table
    from mmbind.cli.tables import print_table
    from mmbind.sources.quarantine import Quarantine
    from mmbind.study import Study

    rows = Quarantine.of(Study.load(study), source).find(rule=rule, file=file, line=line, modality=modality)
    first = rows.head(limit) if limit else rows
    if as_json:
        for row in first.iter_rows(named=True):
            click.echo(json.dumps(row_of(row), sort_keys=True, ensure_ascii=False))
        return
    print_table(rows_table(first))
    if first.height < rows.height:
        click.echo(f"{rows.height - first.height} more rows; --limit 0 shows all.")


@quarantine.command()
@STUDY
@click.option("--source", required=True, help="The source.")
@click.option("--rule", help="Rows of this rule.")
@click.option("--file", "file", help="Rows of this file (path below the source's folder).")
@click.option("--line", type=int, help="This line.")
@click.option("--modality", help="Rows of this modality.")
@click.option("--as", "text", help="What the line should be; it is read instead of the one in the file.")
@click.option("--why", default="", help="A few words, kept with the release.")
@click.option("--undo", is_flag=True, help="Take such releases back.")
def release(
    study: str,
    source: str,
    rule: str | None,
    file: str | None,
    line: int | None,
    modality: str | None,
    text: str | None,
    why: str,
    undo: bool,
) -> None:
    """Decide that rows are good after all.

    Rows that were set aside for their time alone (leap_time, backward_time) go where their
    time puts them. Any other line of a text file is released by saying what it should be
    (--file FILE --line N --as TEXT). The decision is kept in releases.json, which belongs into
    git, and the next ingest obeys it.
    """
    from mmbind.errors import InputError
    from mmbind.sources import quarantine as tool
    from mmbind.sources.releases import FILE
    from mmbind.study import Study

    loaded = Study.load(study)
    if undo:
        gone = tool.undo(loaded, source, rule=rule, file=file, line=line)
        click.echo(f"{source}: {gone} releases taken back.")
    else:
        if rule is None and line is None:
            raise InputError("Say which rows: --rule, or --file and --line.")
        kept = tool.Quarantine.of(loaded, source)
        rows = kept.find(rule=rule, file=file, line=line, modality=modality)
        made = kept.releases(rows, text=text, why=why)
        total = tool.release(loaded, source, made)
        click.echo(f"{source}: {len(made)} lines released, {total} in all.")
    click.echo(f"Next: mmbind ingest {source} (or mmbind run), and commit {loaded.root / FILE}.")

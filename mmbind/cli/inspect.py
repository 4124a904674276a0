"""``mmbind inspect`` and ``mmbind ingest``: what logs hold, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import click

from mmbind.cli.options import STUDY

_PLOT = click.option(
    "--plot", "picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw one recording into this file."
)


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--name", help="The source's name; by default after PATH.")
@click.option(
    "--write", "block", type=click.Path(path_type=Path, dir_okay=False), help="Write the block into this file."
)
@_PLOT
def inspect(path: Path, name: str | None, block: Path | None, picture: Path | None) -> None:
    """Look at a file or folder of logs never seen before, and draft its block of params.yaml.

    Finds out format, columns, units (by physics), clocks and what file names tell, tries the
    draft with the real readers, and says what it is unsure about. Writes nothing unless asked.
    """
    from mmbind.cli.inspect_tables import draft_lines, trial_tables
    from mmbind.cli.tables import console
    from mmbind.files import write_text
    from mmbind.inspection import inspect as look
    from mmbind.inspection.plots import picture as draw
    from mmbind.inspection.plots import text_plot

    found = look(path, name)
    printer = console()
    for line in draft_lines(found):
        click.echo(line)
    for table in trial_tables(found.trial):
        printer.print(table)
    for line in text_plot(found.trial):
        click.echo(line)
    if picture is not None:
        draw(found.trial, picture, found.draft.name)
        click.echo(f"drawn: {picture}")
    if block is not None:
        write_text(block, found.draft.text)
        click.echo(f"written: {block}; put it below 'sources:' in params.yaml")


@click.command()
@click.argument("sources", nargs=-1)
@STUDY
@click.option("--dry-run", is_flag=True, help="Read everything, show what would come of it, and write nothing.")
@_PLOT
def ingest(sources: tuple[str, ...], study: str, dry_run: bool, picture: Path | None) -> None:
    """Read the raw logs of SOURCES (all when none is named) into data/records/.

    Only files that changed are read. --dry-run shows first rows in SI units, counts, every
    problem and a plot of one recording instead.
    """
    from mmbind.errors import InputError, nearest
    from mmbind.study import Study

    loaded = Study.load(study)
    for name in sources:
        if name not in loaded.params.sources:
            raise InputError(f"Unknown source {name!r}.", hint=nearest(name, loaded.params.sources))
    names = list(sources) or sorted(loaded.params.sources)
    if not dry_run:
        if picture is not None:
            raise InputError("--plot goes with --dry-run.")
        from mmbind.sources import ingest as read

        for name in names:
            for line in read(loaded, name).lines():
                click.echo(line)
        return
    from mmbind.cli.inspect_tables import trial_tables
    from mmbind.cli.tables import console
    from mmbind.inspection import try_source
    from mmbind.inspection.plots import picture as draw
    from mmbind.inspection.plots import text_plot
    from mmbind.sources.releases import FILE

    if picture is not None and len(names) > 1:
        raise InputError("--plot draws one source.", hint="Name it.")
    printer = console()
    for name in names:
        trial = try_source(name, loaded.params.sources[name], loaded.raw(name), releases=loaded.root / FILE)
        for line in trial.summary.lines():
            click.echo(line)
        for table in trial_tables(trial):
            printer.print(table)
        for line in text_plot(trial):
            click.echo(line)
        if picture is not None:
            draw(trial, picture, name)
            click.echo(f"drawn: {picture}")
    click.echo("Nothing was written.")

"""Commands about versions of the binding: ``mmbind bindings``. Heavy imports wait inside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.options import STUDY

if TYPE_CHECKING:
    from rich.table import Table

    from mmbind.study import Study

_VERSION = "'current', 'accepted', a tag, the beginning of an id, or a git revision"


@click.group()
def bindings() -> None:
    """Look at versions of the binding: list, show, compare, name, accept, export.

    A version is called 'current', 'accepted', by a tag, by the beginning of its id, or by the git
    revision that it was made in. Old versions are read from DVC's cache; nothing is checked out.
    """


@bindings.command("list")
@STUDY
def list_versions(study: str) -> None:
    """List the present version, the named ones and those of the past, newest first."""
    opened = _open(study)
    from flows.versions import history
    from mmbind.errors import MissingStageError
    from mmbind.versions import References, current_version

    references, table = References.of(opened), _table("version", "names", "revision", "day", "pairs", "bound", "mutual")
    listed = set()
    try:
        current = current_version(opened)
        names = ["current", *references.names_of(current.id)]
        listed.add(current.id)
        table.add_row(current.id[:12], ", ".join(names), "", "", *_cells(current.figures))
    except MissingStageError:
        pass
    for past in history(opened):
        if past.version is None:
            table.add_row("not in the cache", "", past.revision[:12], past.date, "", "", "")
            continue
        listed.add(past.version.id)
        names = references.names_of(past.version.id)
        table.add_row(
            past.version.id[:12], ", ".join(names), past.revision[:12], past.date, *_cells(past.version.figures)
        )
    for version in references.named.values():
        if version.id not in listed:
            listed.add(version.id)
            table.add_row(version.id[:12], ", ".join(references.names_of(version.id)), "", "", *_cells(version.figures))
    _print(table)


@bindings.command()
@STUDY
@click.argument("version", default="current")
@click.option("--json", "as_json", is_flag=True, help="The whole manifest as JSON.")
def show(study: str, version: str, as_json: bool) -> None:
    """Show what VERSION was made of and how good it is."""
    from flows.versions import find_version
    from mmbind.versions.version import leaves

    found = find_version(_open(study), version)
    if as_json:
        click.echo(json.dumps(found.manifest, indent=2, sort_keys=True, ensure_ascii=False))
        return
    table = _table("figure", found.title)
    described = {name: found.manifest.get(name, {}) for name in ("inputs", "params", "counts")}
    for name, value in leaves(described).items():
        table.add_row(name, str(value))
    for name, figure in found.figures.items():
        table.add_row(name, f"{figure:.4g}")
    _print(table)


@bindings.command()
@STUDY
@click.argument("before", metavar="A")
@click.argument("after", metavar="B", default="current")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def diff(study: str, before: str, after: str, as_json: bool) -> None:
    """Say what changed from version A to B: inputs, parameters, pairs, quality."""
    from flows.versions import find_version
    from mmbind.versions import diff_versions

    opened = _open(study)
    found = diff_versions(find_version(opened, before), find_version(opened, after))
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, sort_keys=True, ensure_ascii=False))
        return
    for line in found.lines():
        click.echo(line)


@bindings.command("tag")
@STUDY
@click.argument("name")
@click.argument("version", default="current")
def tag_version(study: str, name: str, version: str) -> None:
    """Give VERSION a NAME, kept in versions.json (commit it)."""
    from flows.versions import find_version
    from mmbind.versions import tag

    opened = _open(study)
    found = find_version(opened, version)
    path = tag(opened, name, found).path
    click.echo(f"{path}: {found.id[:12]} is {name} now.")


@bindings.command("accept")
@STUDY
@click.argument("version", default="current")
def accept_version(study: str, version: str) -> None:
    """Make VERSION the one that reports and the pipeline's gate compare with (commit versions.json)."""
    from flows.versions import find_version
    from mmbind.versions import accept

    opened = _open(study)
    found = find_version(opened, version)
    path = accept(opened, found).path
    click.echo(f"{path}: {found.id[:12]} is accepted now.")


@bindings.command()
@STUDY
def check(study: str) -> None:
    """Hold the present version against the accepted one, as the pipeline's gate does."""
    from mmbind.versions.gate import check_quality

    for line in check_quality(_open(study)):
        click.echo(line)


@bindings.command()
@STUDY
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "layout",
    type=click.Choice(["parquet", "webdataset", "huggingface"]),
    default="parquet",
    show_default=True,
    help="Plain Parquet with waveforms, WebDataset shards, or a Hugging Face datasets folder.",
)
@click.option("--shard-size", default=4096, show_default=True, help="Samples per file.")
def export(study: str, folder: Path, layout: str, shard_size: int) -> None:
    """Write the present version with its waveforms to FOLDER, for other tools."""
    from mmbind.dataset import export_binding

    for line in export_binding(_open(study), folder, layout, shard_size=shard_size).lines():
        click.echo(line)


@bindings.command()
@STUDY
@click.argument("pair")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def lineage(study: str, pair: str, as_json: bool) -> None:
    """Walk PAIR back to both raw files and lines.

    PAIR is ANCHOR (its first pair) or ANCHOR:PARTNER; beginnings of window ids are enough.
    """
    from mmbind.versions import trace_pair

    found = trace_pair(_open(study), pair)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, sort_keys=True, ensure_ascii=False))
        return
    for line in found.lines():
        click.echo(line)


def _open(study: str) -> Study:
    from mmbind.study import Study

    return Study.load(study)


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table()
    for column in columns:
        table.add_column(column)
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    Console().print(table)


def _cells(figures: dict[str, float]) -> list[str]:
    pairs = f"{figures['pairs']:.0f}" if "pairs" in figures else ""
    shares = [f"{figures[name]:.1%}" if name in figures else "" for name in ("bound", "quality.mutual")]
    return [pairs, *shares]

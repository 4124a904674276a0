"""Results: the table of the last run, the grid of the protocol, and the page of all studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmbind.cli.options import STUDY


@click.group(invoke_without_command=True)
@STUDY
@click.pass_context
def results(context: click.Context, study: str) -> None:
    """Print the table of results and where the reports lie; or run the protocol's grid.

    Alone it shows what 'mmbind run' found. The commands below train and publish the grid that the section
    'protocol' of params.yaml describes.
    """
    if context.invoked_subcommand is not None:
        context.obj = study
        return
    from mmbind.cli.results_table import results_lines
    from mmbind.study import Study

    for line in results_lines(Study.load(study)):
        click.echo(line)


def _study_option(function: click.decorators.FC) -> click.decorators.FC:
    """``--study``, which may also stand before the command."""
    return click.option("--study", default=None, help="The study's folder.  [default: .]")(function)


def _selection_options(function: click.decorators.FC) -> click.decorators.FC:
    """The options that take a part of the grid, and ``--workers``."""
    for option in (
        click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Trainings at once."),
        click.option("--ablation", "ablations", multiple=True, help="An ablation instead of the study's parameters."),
        click.option("--method", "methods", multiple=True, help="A method."),
        click.option("--seed", "seeds", type=int, multiple=True, help="A seed."),
        click.option("--rotation", "rotations", multiple=True, help="A rotation; the reported ones when left out."),
        click.option("--draw", "draws", multiple=True, help="How labels are drawn: balanced or random."),
        click.option("--labels", type=int, multiple=True, help="A number of labels."),
        click.option("--task", "tasks", multiple=True, help="A task; may be repeated, as all of these."),
    ):
        function = option(function)
    return function


@results.command()
@_study_option
@_selection_options
@click.pass_obj
def run(before: str | None, /, study: str | None, workers: int, **selected: tuple[Any, ...]) -> None:
    """Train what is missing of the protocol's grid and store the results.

    Needs the study's windows (dvc repro window). Interrupted or killed, it goes on where it stopped. Results go
    to the study's results/ folder.
    """
    from mmbind.evaluation.grid import Selection, run_grid
    from mmbind.study import Study

    for line in run_grid(Study.load(study or before or "."), Selection(**selected), workers=workers).lines():
        click.echo(line)


@results.command()
@_study_option
@_selection_options
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="Runs of each kind.")
@click.pass_obj
def check(before: str | None, /, study: str | None, workers: int, count: int, **selected: tuple[Any, ...]) -> None:
    """Train some stored runs again: they must come out the same to the last digit.

    Tries runs of every task, label count, draw and method; of ablations those that --ablation names, instead. Where
    the code was changed since and gives the same, the stored runs are noted as good for the present code and are
    not trained anew.
    """
    from mmbind.evaluation.grid import Selection, check_runs
    from mmbind.study import Study

    summary = check_runs(Study.load(study or before or "."), Selection(**selected), count=count, workers=workers)
    for line in summary.lines():
        click.echo(line)


@results.command()
@_study_option
@click.argument("origins", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.pass_obj
def merge(before: str | None, study: str | None, origins: tuple[Path, ...]) -> None:
    """Add stored results of other machines: folders with runs.parquet, or such files.

    A run that is stored here with other values is an error.
    """
    from mmbind.evaluation.grid import merge_results
    from mmbind.study import Study

    merged = merge_results(Study.load(study or before or "."), origins)
    click.echo(f"{merged.runs.height} runs stored")


@results.command()
@_study_option
@click.pass_obj
def page(before: str | None, study: str | None) -> None:
    """Write docs/results.md from what all studies of the project have stored.

    The project is the folder that holds studies/; a study of it will do as well.
    """
    from mmbind.evaluation.grid import write_results_page
    from mmbind.study import Study

    for line in write_results_page(Study.load(study or before or ".").house.resolve()).lines():
        click.echo(line)

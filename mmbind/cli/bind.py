"""``mmbind bind``: a closer look at pairing. Heavy imports wait inside the commands."""

from __future__ import annotations

from pathlib import Path

import click

from mmbind.cli.options import STUDY


@click.group()
def bind() -> None:
    """Look closely at how windows find partners (the stage itself is 'dvc repro bind')."""


@bind.command()
@STUDY
@click.option("--rotation", "names", multiple=True, help="A rotation of params.yaml; may be repeated.")
@click.option(
    "--people",
    multiple=True,
    help='A rotation of your own, e.g. "A=1,3 B=5,7 target=2,4 test=6,8"; may be repeated.',
)
@click.option("--shared", default="", help='Compare by something else, e.g. "representation=vertical align=coral".')
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there, too.")
def compare(study: str, names: tuple[str, ...], people: tuple[str, ...], shared: str, path: Path | None) -> None:
    """Pair the study's windows by every rule, and judge the pairs.

    Purity needs true labels of the unlabelled roles. Without rotations, the roles as assigned and
    embedded are compared; with them, the mean over rotations is shown, each assigned and embedded anew
    where it is not up to date. --shared shows what another encoder, representation or alignment would do.
    """
    from mmbind.evaluation.pairing_table import compare_study
    from mmbind.study import Study

    comparison = compare_study(Study.load(study), names, people, shared)
    for line in comparison.lines():
        click.echo(line)
    if path is not None:
        comparison.write(path)
        click.echo(f"figures: {path}")

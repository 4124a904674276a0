"""Commands that need no orchestrator. Heavy imports wait inside them."""

from __future__ import annotations

from pathlib import Path

import click

from mmbind.cli.options import STUDY


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Start a study of your own in FOLDER.

    Writes params.yaml with comments, dvc.yaml, prefect.yaml and the validation suites. In a folder
    that holds a study already, only what belongs to mmbind is renewed: do so after an upgrade.
    """
    from mmbind.cli.new_study import write_study

    for line in write_study(folder):
        click.echo(line)


@click.command()
@STUDY
@click.option("--scale", default=1.0, show_default=True, help="Share of the usual recording time.")
@click.option("--seed", default=0, show_default=True, help="Seed of people, devices and motions.")
def demo(study: str, scale: float, seed: int) -> None:
    """Write the raw logs of the simulated demo fleets into data/raw/."""
    from mmbind.simulation.fleets import FLEETS, write_demo_fleets
    from mmbind.study import Study

    raw = Study.load(study).root / "data" / "raw"
    minutes = {name: scale * fleet.minutes for name, fleet in FLEETS.items()}
    for line in write_demo_fleets(raw, minutes=minutes, seed=seed).lines():
        click.echo(line)


@click.command()
@STUDY
@click.option(
    "--from",
    "folder",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that holds the archives.",
)
def fetch(study: str, folder: Path) -> None:
    """Check and unpack the archives that params.yaml names into data/raw/."""
    from mmbind.sources import fetch_archives
    from mmbind.study import Study

    for line in fetch_archives(Study.load(study), folder).lines():
        click.echo(line)

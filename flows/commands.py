"""Commands that need the orchestrators: ``mmbind run`` and ``mmbind up``.

Heavy imports wait inside the commands; ``mmbind --help`` reads this module.
"""

from __future__ import annotations

from pathlib import Path

import click

from flows.options import STUDY


@click.command()
@STUDY
@click.option("--commit/--no-commit", default=False, show_default=True, help="Commit what names the run's version.")
@click.option("--push/--no-push", default=True, show_default=True, help="Push data to the default DVC remote, if any.")
@click.option("--keep-versions", type=click.IntRange(min=1), help="Forget cached data older than so many commits.")
@click.option("--still", default=60.0, show_default=True, help="Seconds without a write before an inbox file counts.")
def run(study: str, commit: bool, push: bool, keep_versions: int | None, still: float) -> None:
    """Run the whole pipeline once, without a server of your own.

    Use it by hand or from cron; for a schedule with retries and a UI see 'mmbind up'.
    """
    from flows.settings import prepare

    prepare(Path(study))
    from flows.pipeline import pipeline
    from mmbind.cli.results_table import results_lines
    from mmbind.study import Study

    pipeline(study, commit=commit, push=push, keep_versions=keep_versions, still_s=still)
    for line in results_lines(Study.load(study)):
        click.echo(line)


@click.command()
@click.option("--port", default=4200, show_default=True, help="Port of the Prefect server and its UI.")
def up(port: int) -> None:
    """Start a local Prefect server with a worker, and deploy prefect.yaml.

    Runs until interrupted. The line it prints runs the pipeline at once.
    """
    from flows.server import serve

    serve(Path(), port)

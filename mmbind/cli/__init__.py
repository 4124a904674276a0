"""The command line: ``mmbind COMMAND``. Commands import their rooms when they run."""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import entry_points
from typing import Any

import click

from mmbind import __version__
from mmbind.cli import commands
from mmbind.cli.advise import advise
from mmbind.cli.bind import bind
from mmbind.cli.export_onnx import export_onnx
from mmbind.cli.inspect import ingest, inspect
from mmbind.cli.predict import predict
from mmbind.cli.quarantine import quarantine
from mmbind.cli.results import results
from mmbind.errors import EXIT_FAILURE, MmbindError

#: Packages add their commands here, e.g. those that need an orchestrator.
ENTRY_POINTS = "mmbind.commands"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mmbind")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def cli(debug: bool) -> None:
    """Bind scattered sensor logs into a pseudo-paired multimodal dataset and a trained encoder."""
    if debug:
        os.environ["MMBIND_DEBUG"] = "1"


for _command in (commands.init, commands.demo, commands.fetch):
    cli.add_command(_command)
for _command in (advise, bind, export_onnx, ingest, inspect, predict, quarantine, results):
    cli.add_command(_command)
for _entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
    cli.add_command(_entry.load(), _entry.name)


def main(arguments: list[str] | None = None) -> Any:
    """Runs a command; a user's error ends it with one sentence and exit code 2, a failure with 1.

    Args:
        arguments: the command line, ``sys.argv[1:]`` when None.
    """
    try:
        cli(args=arguments, prog_name="mmbind")
    except MmbindError as error:
        if os.environ.get("MMBIND_DEBUG"):
            traceback.print_exc()
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if os.environ.get("MMBIND_DEBUG"):
            traceback.print_exc()
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"error: {place}{error.strerror or error}.", err=True)
        sys.exit(EXIT_FAILURE)

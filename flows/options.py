"""Options of the commands that need an orchestrator; mmbind.cli loads these, so its own cannot be taken."""

from __future__ import annotations

import click

#: The study that a command works in.
STUDY = click.option("--study", default=".", show_default=True, help="The study's folder.")

"""Options that several commands take."""

from __future__ import annotations

import click

#: The study that a command works in.
STUDY = click.option("--study", default=".", show_default=True, help="The study's folder.")

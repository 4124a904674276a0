"""Tables on a terminal."""

from __future__ import annotations

import shutil
import sys

from rich.console import Console
from rich.table import Table

#: Columns of text where the output is no terminal.
WIDTH = 160


def print_table(table: Table) -> None:
    """Prints a table as wide as the terminal, or as ``WIDTH`` where there is none."""
    console().print(table)


def console() -> Console:
    """Writes to stdout; colours only on a terminal."""
    width = shutil.get_terminal_size((WIDTH, 40)).columns if sys.stdout.isatty() else WIDTH
    return Console(file=sys.stdout, width=width, soft_wrap=False, highlight=False, emoji=False, markup=False)


def amount(number: float) -> str:
    """A count with thin thousands: ``12 345``."""
    return f"{number:,.0f}".replace(",", " ")

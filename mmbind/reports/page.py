"""One self-contained HTML page per report.

A page holds its style and its figures and loads nothing: a Content-Security-Policy in its
head makes browsers refuse any request. Values are escaped; the only markup that passes
unescaped is what :mod:`mmbind.reports.figures` draws.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mmbind import __version__
from mmbind.files import write_text

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


def percent(share: float | None, digits: int = 0) -> str:
    """A share in [0, 1] as text, e.g. ``72 %``; a dash for None."""
    return DASH if share is None else f"{100 * share:.{digits}f} %"


def decimal(value: float | None, digits: int = 3) -> str:
    """A number with fixed decimals and a true minus sign; a dash for None."""
    return DASH if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def count(value: int) -> str:
    """A whole number with groups of three digits, e.g. ``12,345``."""
    return f"{value:,}"


@cache
def environment() -> Environment:
    """The templates of this package: autoescaped, and strict about missing values."""
    made = Environment(
        loader=PackageLoader("mmbind.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(percent=percent, decimal=decimal, count=count)
    return made


def write_page(path: Path, title: str, template: str, **context: Any) -> None:
    """Renders a template and writes it whole.

    Args:
        path: the HTML file.
        title: the page's title and main heading.
        template: name of a template, e.g. ``"binding"`` for ``templates/binding.html.j2``.
        **context: what the template shows.

    Raises:
        jinja2.TemplateNotFound: for an unknown template.
        jinja2.UndefinedError: when the template needs a value that the context lacks.
    """
    page = environment().get_template(f"{template}.html.j2")
    write_text(path, page.render(title=title, version=__version__, **context))

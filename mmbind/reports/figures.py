"""Figures as inline SVG, equal bytes for equal data.

matplotlib draws them on ``Figure`` objects (no pyplot, hence no global state) with its own
defaults, whatever the user's matplotlibrc says. Text stays text, and colours are CSS
variables of the page, so one figure suits light, dark and print.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmbind.windows.store import Signals

Values = npt.NDArray[np.float64]

#: Placeholder colours that stand for the page's CSS variables in what matplotlib writes.
INK, MUTED, GRID = "#010101", "#020202", "#030303"
SERIES = ("#040404", "#050505", "#060606", "#070707", "#080808", "#090909")
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, start=1)},
}
_STYLE: Any = {
    "svg.hashsalt": "mmbind",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "path.simplify_threshold": 0.2,
    "font.size": 9,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.2,
}
#: Width and height of a figure in inches (72 SVG units each).
SIZE = (5.0, 2.8)


def histogram(
    series: Mapping[str, Values],
    *,
    alt: str,
    x_label: str,
    edges: Values,
) -> Markup:
    """Distributions over common bins, one outline per series, as shares of the series.

    Args:
        series: values by name; those outside the edges are not drawn.
        alt: what the figure shows, in words.
        x_label: the horizontal axis.
        edges: bin edges, ascending.
    """
    with _style():
        figure, axes = _axes(SIZE)
        for colour, (name, values) in zip(_colours(), series.items(), strict=False):
            counts = np.histogram(values, bins=edges)[0]
            shares = counts / max(len(values), 1)
            axes.stairs(shares, edges, fill=True, color=colour, alpha=0.18)
            axes.stairs(shares, edges, color=colour, linewidth=1.6, label=name)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        _finish(axes, x_label, "share", series, percent=True)
        return _svg(figure, alt)


def bars(
    categories: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    alt: str,
    x_label: str,
    y_label: str,
    percent: bool = False,
) -> Markup:
    """Grouped bars: one group per category, one bar per series."""
    with _style():
        figure, axes = _axes(SIZE)
        width = 0.8 / max(len(series), 1)
        places = np.arange(len(categories))
        for number, (colour, (name, heights)) in enumerate(zip(_colours(), series.items(), strict=False)):
            offset = (number - (len(series) - 1) / 2) * width
            axes.bar(places + offset, heights, width * 0.9, color=colour, label=name)
        axes.set_xticks(places, list(categories))
        axes.set_ylim(bottom=0)
        _finish(axes, x_label, y_label, series, percent=percent)
        return _svg(figure, alt)


def curves(
    series: Mapping[str, tuple[Values, Values]],
    *,
    alt: str,
    x_label: str,
    y_label: str,
    reference: tuple[str, float] | None = None,
    lines: bool = True,
    whole: bool = True,
) -> Markup:
    """Shares in [0, 1] over some quantity, one line per series (a reliability diagram).

    Args:
        series: x and y by name.
        alt: what the figure shows, in words.
        x_label: the horizontal axis.
        y_label: the vertical axis.
        reference: name and height of a dashed level.
        lines: whether a series' points are joined.
        whole: whether the vertical axis goes from 0 to 1, or as far as the shares do.
    """
    with _style():
        figure, axes = _axes(SIZE)
        for colour, (name, (x, y)) in zip(_colours(), series.items(), strict=False):
            width = 1.6 if lines else 0
            axes.plot(x, y, color=colour, linewidth=width, marker="o", markersize=4, label=name)
        if reference is not None:
            axes.axhline(reference[1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label=reference[0])
        if whole:
            axes.set_ylim(0, 1.04)
        _finish(axes, x_label, y_label, {**series, "": None} if reference else series, percent=True)
        return _svg(figure, alt)


def dots(values: Mapping[str, Sequence[float]], *, alt: str, x_label: str, emphasis: str = "") -> Markup:
    """One row per name: a dot per value (a share) and a bar at their mean.

    Args:
        values: shares in [0, 1] by name, drawn from top to bottom.
        alt: what the figure shows, in words.
        x_label: the horizontal axis.
        emphasis: the name that is drawn in the second colour.
    """
    with _style():
        names = list(values)
        figure, axes = _axes((5.0, 0.75 + 0.36 * max(len(names), 1)), left=1.85)
        for row, name in enumerate(names):
            colour = SERIES[1] if name == emphasis else SERIES[0]
            shares = np.asarray(values[name], dtype=np.float64)
            axes.plot(shares, np.full(len(shares), row), "o", color=colour, markersize=6, alpha=0.55, markeredgewidth=0)
            if len(shares):
                axes.plot([shares.mean()] * 2, [row - 0.3, row + 0.3], color=colour, linewidth=2.4)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
        axes.grid(visible=True, axis="both")
        axes.locator_params(axis="x", nbins=6)
        axes.xaxis.set_major_formatter(_percent)
        axes.set_xlabel(x_label)
        return _svg(figure, alt)


def waveforms(
    anchor: Signals, partner: Signals, *, channels: Sequence[str], unit: str, seconds: float | None, alt: str
) -> Markup:
    """Two windows of one modality, laid over each other channel by channel.

    Args:
        anchor: float32 (steps, channels).
        partner: float32 (steps, channels), on the same grid.
        channels: one name per channel.
        unit: the unit of all channels.
        seconds: the window's length; None where windows are time-normalised.
        alt: what the figure shows, in words.
    """
    with _style():
        figure = Figure(figsize=(5.2, 1.7))
        time = np.linspace(0, seconds if seconds is not None else 1, len(anchor))
        low, high = float(min(anchor.min(), partner.min())), float(max(anchor.max(), partner.max()))
        room = 0.06 * (high - low) or 1.0
        for number, channel in enumerate(channels):
            axes = figure.add_axes(_cell(number, len(channels)))
            axes.plot(time, partner[:, number], color=SERIES[1], linewidth=1.3)
            axes.plot(time, anchor[:, number], color=SERIES[0], linewidth=1.3)
            axes.set_xlim(time[0], time[-1])
            axes.set_ylim(low - room, high + room)
            axes.set_title(channel, fontsize=8, color=MUTED, pad=2)
            axes.locator_params(axis="y", nbins=4)
            axes.tick_params(labelsize=7, length=0)
            start, stop = axes.set_xticks([time[0], time[-1]], ["0", f"{time[-1]:g}"])
            start.label1.set_horizontalalignment("left")
            stop.label1.set_horizontalalignment("right")
            if number:
                axes.tick_params(labelleft=False)
        figure.axes[0].set_ylabel(unit, fontsize=8)
        time_unit = "seconds" if seconds is not None else "share of the window"
        figure.text(0.55, 0.05, time_unit, ha="center", fontsize=7, color=MUTED)
        return _svg(figure, alt)


def _cell(number: int, count: int) -> tuple[float, float, float, float]:
    left, gap = 0.1, 0.02
    width = (1 - left - 0.01 - gap * (count - 1)) / count
    return left + number * (width + gap), 0.19, width, 0.68


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def _colours() -> Iterator[str]:
    while True:
        yield from SERIES


def _axes(size: tuple[float, float], left: float = 0.55) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size)
    width, height = size
    return figure, figure.add_axes((left / width, 0.5 / height, (width - left - 0.1) / width, (height - 0.65) / height))


def _percent(share: float, _: object) -> str:
    return f"{100 * share:.4g} %"


def _finish(axes: Axes, x_label: str, y_label: str, named: Mapping[str, object], *, percent: bool) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if percent:
        axes.yaxis.set_major_formatter(_percent)
    if len(named) > 1:
        axes.legend(loc="best")


def _svg(figure: Figure, alt: str) -> Markup:
    """The figure as an ``<svg>`` element that can stand beside others on one page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = stream.getvalue()
    box = re.search(r'viewBox="([^"]+)"', text)
    inner = text[text.index(">", text.index("<svg")) + 1 :].replace("xlink:href", "href")
    inner = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", inner, flags=re.DOTALL)
    inner = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), inner)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', inner))
    mark = hashlib.sha256(inner.encode()).hexdigest()[:8]
    inner = re.sub(r' id="([^"]+)"', lambda found: f' id="{mark}{found[1]}"' if found[1] in used else "", inner)
    inner = re.sub(r'(href="#|url\(#)', rf"\g<1>{mark}", inner)
    for placeholder, variable in _VARIABLES.items():
        inner = inner.replace(placeholder, variable)
    inner = re.sub(r"font-family: [^;]*; |<g/>", "", inner)
    inner = re.sub(r"\s*\n\s*", "\n", inner)
    opening = f'<svg class="plot" viewBox="{box[1] if box else ""}" role="img" aria-label="{escape(alt)}">'
    return Markup(opening + inner.strip())  # noqa: S704 - matplotlib escapes all text it writes

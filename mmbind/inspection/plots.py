"""Plots of one recording: in text, and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.files import whole_file
from mmbind.inspection.trial import Trial

#: Heights of a text plot, lowest first.
BARS = "▁▂▃▄▅▆▇█"
#: Channels of a modality that are drawn.
DRAWN = 6
#: Points per line of a picture; longer signals are drawn by the least and greatest of each step.
POINTS = 2000
#: Colours that people with colour blindness can tell apart (Okabe and Ito, 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def text_plot(trial: Trial, width: int = 100) -> list[str]:
    """One line of bars per channel, with its range.

    Args:
        trial: whose recording is drawn.
        width: characters of a line of bars.
    """
    start, stop = _span(trial.signals)
    if stop <= start:
        return ["(no recording to draw)"]
    lines = [f"{trial.shown}, {(stop - start) / 1e9:.3g} s from left to right"]
    label = max((len(f"{name} {c}") for name, rows in trial.signals.items() for c in rows.columns[1:]), default=0)
    for name, rows in trial.signals.items():
        unit = trial.modalities[name].unit
        for channel in rows.columns[1 : DRAWN + 1]:
            means = _means(rows, channel, start, stop, width)
            low, high = float(np.nanmin(means)), float(np.nanmax(means))
            steps = np.zeros(len(means)) if high == low else (means - low) / (high - low) * (len(BARS) - 1)
            bars = "".join(" " if np.isnan(step) else BARS[round(float(step))] for step in steps)
            ends = f"{low:.3g} to {high:.3g}" + (f" {unit}" if unit != "1" else "")
            lines.append(f"{name + ' ' + channel:<{label}} {bars} {ends}")
        if rows.width - 1 > DRAWN:
            lines.append(f"{name}: {rows.width - 1 - DRAWN} more channels")
    return lines


def picture(trial: Trial, path: Path, title: str) -> None:
    """Draws the recording as a picture, one panel per modality.

    Args:
        trial: whose recording is drawn.
        path: of the file; its ending says the format, e.g. ``.png`` or ``.svg``.
        title: stands above.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    start, stop = _span(trial.signals)
    count = max(len(trial.signals), 1)
    style = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#888888"}
    with pyplot.rc_context(style):  # type: ignore[arg-type]
        figure, panels = pyplot.subplots(
            count, 1, figsize=(11, 1.1 + 2.0 * count), sharex=True, squeeze=False, layout="constrained"
        )
        figure.suptitle(f"{title}: {trial.shown}", x=0.01, ha="left", fontsize=12, fontweight="bold")
        for panel, (name, rows) in zip(panels[:, 0], trial.signals.items(), strict=False):
            for colour, channel in zip(COLOURS, rows.columns[1 : DRAWN + 1], strict=False):
                seconds, values = _line(rows, channel, start)
                panel.plot(seconds, values, color=colour, linewidth=1.0, label=channel)
            tried = trial.modalities[name]
            rate = "" if tried.rate_hz is None else f"   {tried.rate_hz:.4g} Hz"
            more = f"   {rows.width - 1 - DRAWN} more channels" if rows.width - 1 > DRAWN else ""
            panel.set_title(f"{name}{rate}{more}", loc="left", fontsize=10, color="#333333")
            panel.set_ylabel("" if tried.unit == "1" else tried.unit)
            panel.grid(axis="y", color="#e6e6e6", linewidth=0.8)
            panel.set_axisbelow(True)
            panel.margins(x=0)
            panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False, handlelength=1.2)
        panels[-1, 0].set_xlabel("s")
        panels[-1, 0].set_xlim(0, max((stop - start) / 1e9, 1e-9))
        metadata = {"Software": None} if path.suffix.lower() == ".png" else None
        with whole_file(path) as temporary:
            figure.savefig(temporary, format=path.suffix.lstrip(".") or "png", dpi=120, metadata=metadata)
        pyplot.close(figure)


def _span(signals: Mapping[str, pl.DataFrame]) -> tuple[int, int]:
    """First and last time of all signals, ns."""
    edges = [(int(rows["t_ns"][0]), int(rows["t_ns"][-1])) for rows in signals.values() if rows.height]
    return (min(a for a, _ in edges), max(b for _, b in edges)) if edges else (0, 0)


def _means(
    rows: pl.DataFrame, channel: str, start: int, stop: int, width: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean of a channel in each of ``width`` steps of time; NaN where there is no reading."""
    places = np.minimum((rows["t_ns"].to_numpy() - start) * width // max(stop - start, 1), width - 1)
    total = np.bincount(places, rows[channel].to_numpy().astype(np.float64), width)
    count = np.bincount(places, minlength=width)
    means: np.ndarray[tuple[int], np.dtype[np.float64]] = np.where(count, total / np.maximum(count, 1), np.nan)
    return means


def _line(rows: pl.DataFrame, channel: str, start: int) -> tuple[list[float], list[float]]:
    """Seconds and values of a line; many readings are drawn by the least and greatest of each step, gaps left open."""
    seconds = (rows["t_ns"].to_numpy() - start) / 1e9
    values = rows[channel].to_numpy().astype(np.float64)
    if len(values) > POINTS:
        step = -(-len(values) // (POINTS // 2))
        cuts = np.arange(0, len(values), step)
        low, high = np.minimum.reduceat(values, cuts), np.maximum.reduceat(values, cuts)
        seconds, values = np.repeat(seconds[cuts], 2), np.stack([low, high], axis=1).ravel()
    steps = np.diff(seconds)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    gaps = np.flatnonzero(steps > 8 * usual) + 1 if usual else np.empty(0, dtype=np.int64)
    return np.insert(seconds, gaps, np.nan).tolist(), np.insert(values, gaps, np.nan).tolist()

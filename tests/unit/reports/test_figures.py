"""Figures: equal bytes, safe beside each other on a page, no crash on nothing."""

import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from mmbind.reports import figures

EDGES = np.linspace(0, 1, 11)
NONE = np.empty(0)


def drawn() -> dict[str, str]:
    rising = np.linspace(0, 1, 20)
    wave = np.sin(np.linspace(0, 6, 32))[:, None].astype(np.float32)
    return {
        "histogram": figures.histogram({"A": rising, "B": rising**2}, alt="h", x_label="x", edges=EDGES),
        "bars": figures.bars(["0", "1"], {"A": [0.4, 0.6]}, alt="b", x_label="x", y_label="y", percent=True),
        "curves": figures.curves({"A": (rising, rising)}, alt="c", x_label="x", y_label="y", reference=("chance", 0.1)),
        "dots": figures.dots({"lower": [0.5, 0.6], "mmbind": [0.7]}, alt="d", x_label="x", emphasis="mmbind"),
        "waveforms": figures.waveforms(wave, wave + 1, channels=["x"], unit="m/s2", seconds=2.0, alt="w"),
    }


def test_two_runs_draw_the_same_bytes() -> None:
    code = "from tests.unit.reports.test_figures import drawn; print(repr(drawn()))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == repr(drawn())


def test_a_users_own_matplotlib_settings_change_nothing() -> None:
    before = drawn()
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False, "svg.hashsalt": "mine"}):
        assert drawn() == before
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.parametrize("name", sorted(drawn()))
def test_a_figure_is_one_described_element_in_the_pages_colours(name: str) -> None:
    svg = drawn()[name]
    assert svg.startswith('<svg class="plot"')
    assert svg.endswith("</svg>")
    assert f'role="img" aria-label="{name[0]}"' in svg
    assert "http" not in svg
    assert "<style" not in svg
    assert "var(--series-1)" in svg
    assert not re.search(r"#0[1-9]0[1-9]0[1-9]", svg)


def test_ids_of_two_figures_do_not_collide() -> None:
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in drawn().values()]
    for svg, own in zip(drawn().values(), ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) == own
    assert sum(map(len, ids)) == len(set.union(*ids))


def test_text_keeps_its_digits_and_is_escaped() -> None:
    svg = figures.bars(["0.125", "<i>&"], {"$a$": [1, 2], "b": [1, 2]}, alt='"<>', x_label="x", y_label="y")
    assert ">0.125<" in svg
    assert "&lt;i&gt;&amp;" in svg
    assert "<i>" not in svg
    assert ">$a$<" in svg
    assert 'aria-label="&#34;&lt;&gt;"' in svg


def test_nothing_to_draw_is_drawn() -> None:
    assert "<svg" in figures.histogram({}, alt="", x_label="x", edges=EDGES)
    assert "<svg" in figures.histogram({"A": NONE}, alt="", x_label="x", edges=EDGES)
    assert "<svg" in figures.bars([], {}, alt="", x_label="x", y_label="y")
    assert "<svg" in figures.bars(["0"], {"A": [0.0]}, alt="", x_label="x", y_label="y")
    assert "<svg" in figures.curves({"A": (NONE, NONE)}, alt="", x_label="x", y_label="y")
    assert "<svg" in figures.dots({}, alt="", x_label="x")
    assert "<svg" in figures.dots({"lower": []}, alt="", x_label="x")


def test_a_flat_window_is_drawn() -> None:
    flat = np.zeros((8, 2), dtype=np.float32)
    assert "share of the window" in figures.waveforms(flat, flat, channels=["x", "y"], unit="m", seconds=None, alt="")

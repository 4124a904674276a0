"""The evaluation page: the table, and an honest sentence."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.errors import InputError, MmbindError
from mmbind.reports import write_evaluation_page
from mmbind.reports.evaluation_page import RUNS, verdict

CLASSES = ["walk", "<i>sit</i>"]


def runs_of(**accuracies: list[float]) -> pl.DataFrame:
    rows = [
        (method, seed, accuracy, accuracy - 0.01)
        for method, scores in accuracies.items()
        for seed, accuracy in enumerate(scores)
    ]
    return pl.DataFrame(rows, schema=RUNS, orient="row")


def written(path: Path, runs: pl.DataFrame, **changes: object) -> str:
    context = {"confusion": {"mmbind": np.array([[5, 1], [0, 3]])}, "classes": CLASSES, "facts": {"labels": "<54>"}}
    write_evaluation_page(path, runs=runs, **{**context, **changes})
    return path.read_text(encoding="utf-8")


def test_methods_side_by_side(tmp_path: Path) -> None:
    runs = runs_of(mmbind=[0.8, 0.9, 0.85], lower=[0.5, 0.7, 0.6], own_idea=[0.6, 0.6, 0.6])
    page = written(tmp_path / "e.html", runs)
    assert page.index(">lower bound<") < page.index(">MMBind<") < page.index(">own_idea<")
    assert "85.0 %" in page
    assert "± 5.0" in page
    assert "MMBind gains 25.0 points of accuracy over the lower bound" in page
    assert "3 seeds each" in page
    assert "&lt;i&gt;sit&lt;/i&gt;" in page
    assert "&lt;54&gt;" in page
    assert not re.search(r"https?:|<script|<link|<i>sit", page)


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    runs = runs_of(lower=[0.5, 0.6], mmbind=[0.7, 0.7])
    assert written(tmp_path / "a.html", runs) == written(tmp_path / "b.html", runs.reverse())


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (
            [0.8, 0.9, 0.85],
            [0.5, 0.7, 0.6],
            "MMBind gains 25.0 points of accuracy over the lower bound "
            "(95 % interval +12.6 to +37.4 over 3 seeds, ahead in 3 of 3).",
        ),
        ([0.5, 0.5, 0.5], [0.6, 0.62, 0.58], "MMBind loses 10.0 points of accuracy against the lower bound"),
        ([0.8, 0.9, 0.7], [0.7, 0.7, 0.7], "no difference that these seeds can show (+10.0 points"),
        ([0.6, 0.6, 0.6], [0.6, 0.6, 0.6], "no difference that these seeds can show (+0.0 points"),
        ([0.8, 0.9], [0.5, 0.7], "no verdict from fewer than 3 seeds (+25.0 points of accuracy on average"),
        ([0.7], [0.6], "no verdict from fewer than 3 seeds (+10.0 points of accuracy on average, ahead in 1 of 1)"),
    ],
)
def test_the_sentence_follows_the_numbers(ours: list[float], theirs: list[float], said: str) -> None:
    runs = runs_of(mmbind=ours, lower=theirs).partition_by("method")
    assert said in verdict(runs[0], runs[1], "lower")


def test_without_common_seeds_nothing_is_compared() -> None:
    runs = runs_of(mmbind=[0.5], lower=[0.5]).partition_by("method")
    assert "share no seed" in verdict(runs[0], runs[1].with_columns(seed=pl.lit(7, pl.Int64)), "lower")


def test_without_mmbind_there_is_no_verdict(tmp_path: Path) -> None:
    assert "MMBind was not compared" in written(tmp_path / "e.html", runs_of(lower=[0.5]), confusion={})


def test_bad_inputs_are_named(tmp_path: Path) -> None:
    path = tmp_path / "e.html"
    with pytest.raises(MmbindError, match="lacks the column 'macro_f1'"):
        written(path, runs_of(lower=[0.5]).drop("macro_f1"))
    with pytest.raises(InputError, match="no evaluation runs"):
        written(path, runs_of())
    with pytest.raises(InputError, match=r"confusion of 'lower' is \(3, 3\), but there are 2 classes"):
        written(path, runs_of(lower=[0.5]), confusion={"lower": np.zeros((3, 3), dtype=np.int64)})

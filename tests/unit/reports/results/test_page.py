"""The page from a hand-made table of runs: its figures, its sentences, and what it owns up to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest

from mmbind.reports.results.page import Page, Present, StudyResults, results_page
from tests.unit.reports.results.rows import results_of, run_row

NOW = Present("c0de", {"tiny": "5e7"})
#: Accuracy by method and rotation, two seeds one point apart.
FIGURES = {
    "lower": [0.50, 0.60, 0.70],
    "self_training": [0.80, 0.70, 0.90],
    "mmbind_paper_weighted": [0.40, 0.50, 0.60],
    "mmbind": [0.70, 0.80, 0.90],
    "oracle": [0.71, 0.82, 0.91],
}


def rows(figures: dict[str, list[float]] = FIGURES, **values: Any) -> list[dict[str, Any]]:
    return [
        run_row(
            method=method,
            rotation=f"p{number}",
            seed=seed,
            accuracy=value + 0.01 * seed,
            macro_f1=value,
            purity=0.5 + 0.1 * number if method == "mmbind" else None,
            **values,
        )
        for method, accuracies in figures.items()
        for number, value in enumerate(accuracies)
        for seed in (0, 1)
    ]


PEOPLE = {"p0": {"target": "1, 2", "test": "3"}}


def page_of(*runs: dict[str, Any], present: Present = NOW, people: Mapping[str, Mapping[str, str]] = PEOPLE) -> Page:
    study = StudyResults(
        name="tiny",
        path="studies/tiny",
        results=results_of(*runs),
        tuning=["r0"],
        reported=["p0", "p1", "p2"],
        people=people,
        tasks={"complete": ["acc", "gyro"]},
        methods=["lower", "cmg", "mmbind"],
    )
    return results_page([study], present)


def test_means_deviations_and_paired_differences_stand_in_the_table() -> None:
    text = page_of(*rows()).text
    assert (
        "| lower bound | 6 | 60.5 ± 9.0 | 60.0 ± 8.9 | 0.100 | - | +10.0 [+10.0, +10.0] | +20.0 [+20.0, +20.0] |"
        in text
    )
    assert "| **MMBind** | 6 | 80.5 ± 9.0 |" in text
    assert "+20.0 [+20.0, +20.0] | +30.0 [+30.0, +30.0] | - |" in text
    assert "3 of 3 rotations, seeds 0, 1; chance 60.0 %" in text


def test_sentences_follow_from_the_figures() -> None:
    text = page_of(*rows()).text
    assert (
        "ahead, with both intervals above zero, of lower bound (+20.0 [+20.0, +20.0]), MMBind as in the paper" in text
    )
    assert "missed against self-training without binding; hardest is self-training" in text
    assert "and over neighbours) does not help measurably against self-training without any of it: +0.0" in text
    assert "MMBind as in the paper) harms against training on the labels alone: -10.0" in text
    assert "on pairs by true label': reached (the oracle is +1.3 [" in text
    assert "Over rivals, seed by seed: lower bound +20.0 (seed 0), +20.0 (seed 1);" in text
    assert "**tiny**, complete, 6 labels drawn balanced by class: beats every rival: no; near the oracle: yes." in text
    better = page_of(*rows({**FIGURES, "self_training": [0.5, 0.6, 0.7], "oracle": [0.8, 0.9, 0.95]})).text
    assert (
        "reached against 3 that were run (7 were not). No run here of: unimodal, incomplete pre-training (MIM)"
        in better
    )
    assert "beats every rival: yes, of 3 that were run (7 were not)" in better
    assert "and over neighbours) helps against self-training without any of it: +20.0" in better
    assert "missed (the oracle is +8.3 [" in better
    uneven = page_of(*rows({**FIGURES, "oracle": [0.70, 0.80, 0.94]})).text
    assert "reached on average, not by the whole interval (the oracle is +1.3 [+0.0, +4.0] points away)" in uneven


def test_the_page_says_how_new_the_tested_people_are_to_the_settings() -> None:
    assert "none of those tested was tested while settings were chosen" in page_of(*rows()).text
    people = {"r0": {"test": "a, b"}, "p0": {"test": "b, c"}, "p1": {"test": "c, d"}}
    assert "1 of the 3 who are tested were also tested" in page_of(*rows(), people=people).text


def test_one_seed_is_said_to_be_one() -> None:
    assert "One seed" not in page_of(*rows()).text
    assert "One seed: what a seed is worth is in no interval." in page_of(*[r for r in rows() if not r["seed"]]).text


def test_too_few_rotations_have_no_interval_and_no_verdict() -> None:
    few = page_of(*[row for row in rows() if row["rotation"] != "p2"]).text
    assert "| +20.0 (2 of 3) |" in few
    assert "cannot be judged, since an interval over 2 rotations makes no sense (it takes 3)" in few
    assert "beats every rival: too few rotations" in few
    assert "[+" not in few.split("## tiny")[1]


def test_subsets_confusions_and_calibration_are_shown() -> None:
    text = page_of(*rows()).text
    assert (
        "| test windows have | lower bound | self-training without binding | MMBind as in the paper | MMBind |" in text
    )
    assert "| acc | 30.2 / 30.2 |" in text
    assert "| walk | 24 | 0 |" in text  # six runs of MMBind, four such windows each
    assert "| 0.7 to 0.8 | 60 | 0.750 | 0.600 |" in text
    wide = rows({"mmbind": [0.5]})
    many = page_of(*wide)
    assert "| true \\ answered | run | walk |" in many.text


def test_runs_of_other_code_or_parameters_are_owned_up_to() -> None:
    assert "All 30 stored runs are of the present code and parameters." in page_of(*rows()).text
    mixed = [*rows()[:-1], {**rows()[-1], "code": "0ld"}]
    text = page_of(*mixed).text
    assert "**1 of 30 runs are of another version of the code that trains than the present one (`0ld`: 1).**" in text
    later = page_of(*rows(), present=Present("new", {"tiny": "0ther"})).text
    assert "30 of 30 runs are of another version of the code" in later
    assert "30 of 30 runs are of another version of the parameters of training" in later
    assert Present.of_page(later) == Present("new", {"tiny": "0ther"})


def test_tuning_rotations_are_never_reported() -> None:
    tuned = [run_row(method="mmbind", rotation="r0", accuracy=0.123, macro_f1=0.1)]
    text = page_of(*rows(), *tuned).text
    assert "Settings were chosen on r0; reported are p0, p1, p2." in text
    assert "| accuracy, tuning |" in text
    assert "| 12.3 |" in text
    assert "| **MMBind** | 6 | 80.5 ± 9.0 |" in text


def test_what_is_missing_is_said() -> None:
    assert "Without any run: cross-modal generation (CMG)." in page_of(*rows()).text
    empty = page_of()
    assert "- **tiny**: no run is stored yet." in empty.text
    assert "`mmbind results run --study studies/tiny --workers 2` trains them" in empty.text
    assert empty.plots == {}
    assert "MMBind was not run" in page_of(*rows({"lower": [0.5]})).text
    uneven = page_of(*rows()[:-1]).text
    assert "Methods have different numbers of runs" in uneven


def test_plots_stand_alone_and_are_the_same_every_time() -> None:
    runs = [*rows(), *rows(labels=12)]
    first, second = page_of(*runs), page_of(*reversed(runs))
    assert first == second
    assert sorted(first.plots) == ["tiny-complete-balanced-labels.svg", "tiny-complete-balanced-purity.svg"]
    for name, text in first.plots.items():
        root = ElementTree.fromstring(text)  # noqa: S314 - written by ourselves
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(" not in text
        assert f"(results/{name})" in first.text
    assert "correlate with +1.00" in first.text


@pytest.mark.parametrize("count", [11])
def test_many_classes_are_shown_by_their_confusions(count: int) -> None:
    from mmbind.reports.results import Results
    from mmbind.reports.results.markdown import confusion
    from tests.unit.reports.results.rows import named

    row = run_row(method="mmbind")
    cells = [named(row, actual=f"c{n:02d}", predicted=f"c{n:02d}", windows=9) for n in range(count)]
    cells.append(named(row, actual="c03", predicted="c04", windows=3))
    text = confusion(Results.of(runs=[row], confusions=cells).confusions)
    assert text.splitlines()[2:] == ["| c03 taken for c04 | 3 | 25.0 % |"]

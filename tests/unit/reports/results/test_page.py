"""The page from a hand-made table of runs: its figures, its sentences, and what it owns up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from mmbind.reports.results import KEYS
from mmbind.reports.results.checks import CHECKS
from mmbind.reports.results.page import Page, results_page
from mmbind.reports.results.reading import Recipe
from mmbind.reports.results.study_results import Present, StudyResults
from tests.unit.reports.results.rows import results_of, run_row

People = Mapping[str, Mapping[str, Sequence[str]]]
NOW = Present("c0de", {"tiny": ["5e7"]})
#: Accuracy by method and rotation, two seeds one point apart.
FIGURES = {
    "lower": [0.50, 0.60, 0.70],
    "self_training": [0.80, 0.70, 0.90],
    "mmbind_paper_weighted": [0.40, 0.50, 0.60],
    "mmbind": [0.70, 0.80, 0.90],
    "oracle": [0.71, 0.812, 0.91],
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


PEOPLE = {"r0": {"target": ["1"], "test": ["2"]}, "p0": {"target": ["1", "2"], "test": ["3"]}}


def page_of(*runs: dict[str, Any], present: Present = NOW, people: People = PEOPLE, **facts: Any) -> Page:
    study = StudyResults(
        name="tiny",
        path="studies/tiny",
        results=results_of(*runs),
        tuning=["r0"],
        reported=["p0", "p1", "p2"],
        people=people,
        tasks={"complete": ["acc", "gyro"]},
        methods=["lower", "cmg", "mmbind"],
        **facts,
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
    assert "and over neighbours) is not shown to help or harm against self-training without binding: +0.0" in text
    assert "The same recipe on pairs by true label is not shown to help or harm against self-training" in text
    assert "MMBind as in the paper) harms against training on the labels alone: -10.0" in text
    assert "on pairs by true label': reached (the oracle is +1.1 [" in text
    assert "Over rivals, seed by seed: lower bound +20.0 (seed 0), +20.0 (seed 1);" in text
    assert (
        "**tiny**, complete, 6 labels drawn balanced by class: beats every rival: no (of 3 that were run: 2, on "
        "average ahead of 2); near the oracle: yes." in text
    )
    better = page_of(*rows({**FIGURES, "self_training": [0.5, 0.6, 0.7], "oracle": [0.8, 0.9, 0.95]})).text
    assert (
        "reached against 3 that were run (7 were not). No run here of: unimodal, incomplete pre-training (MIM)"
        in better
    )
    assert "beats every rival: yes, of 3 that were run (7 were not)" in better
    assert "and over neighbours) helps against self-training without binding: +20.0" in better
    assert "missed (the oracle is +8.3 [" in better
    uneven = page_of(*rows({**FIGURES, "oracle": [0.70, 0.80, 0.94]})).text
    assert "reached on average, not by both intervals (the oracle is +1.3 [+0.0, +4.0] points away" in uneven
    assert "+4.0] points away; by Student's t [-4.4, +7.1])" in uneven
    doubtful = page_of(*rows({**FIGURES, "oracle": [0.71, 0.82, 0.91]})).text  # the t interval ends at +2.8
    assert "reached on average, not by both intervals (the oracle is +1.3 [+1.0, +2.0]° points away; by" in doubtful
    level = page_of(*rows({**FIGURES, "lower": [0.70, 0.83, 0.90]})).text
    assert "near the oracle: yes (which is not shown to beat the lower bound)." in level


def test_the_page_says_how_new_the_tested_people_are_to_the_settings() -> None:
    text = page_of(*rows()).text
    assert "Of the 1 people who are tested, none are tested in more than one rotation. None of them was tested" in text
    people = {"r0": {"test": ["a", "b"]}, "p0": {"test": ["b", "c"]}, "p1": {"test": ["c", "d"], "A": []}}
    text = page_of(*rows(), people=people).text
    assert "Of the 3 people who are tested, 1 are tested in more than one rotation. 1 were also tested while" in text
    assert "| p1 | c, d | all |" in text
    unnamed = page_of(*rows(), people={"p0": {"test": []}}).text
    assert "people who are tested" not in unnamed
    assert "| p0 | all |" in unnamed


def test_one_seed_is_said_to_be_one() -> None:
    assert "ne seed" not in page_of(*rows()).text
    text = page_of(*[r for r in rows() if not r["seed"]]).text
    assert "One seed: what a seed is worth is in no interval." in text
    assert "6 labels drawn balanced by class (one seed): beats" in text


def test_too_few_rotations_have_no_interval_and_no_verdict() -> None:
    few = page_of(*[row for row in rows() if row["rotation"] != "p2"]).text
    assert "| +20.0 (2 rotations, no interval) |" in few
    assert "6 labels drawn balanced by class (2 of 3 rotations): beats" in few
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
    assert "All 30 stored runs are of the present code and parameters of training." in page_of(*rows()).text
    mixed = [*rows()[:-1], {**rows()[-1], "code": "0ld"}]
    text = page_of(*mixed).text
    assert "**1 of 30 runs are of another version of the code that trains than the present one (`0ld`: 1).**" in text
    later = page_of(*rows(), present=Present("new", {"tiny": ["0ther"]})).text
    assert "30 of 30 runs are of another version of the code" in later
    assert "30 of 30 runs are of another version of the parameters of training" in later
    assert "(`0ld`: 1).** `mmbind results run --study studies/tiny` makes them anew." in text
    assert Present.of_page(later) == Present("new", {"tiny": ("0ther",)})
    either = page_of(*rows(), present=Present("c0de", {"tiny": ("0ther", "5e7"), "tiny/part": ("9",)}))
    assert "All 30 stored runs are of the present code" in either.text
    assert Present.of_page(either.text) == Present("c0de", {"tiny": ("0ther", "5e7"), "tiny/part": ("9",)})


def test_a_run_that_was_checked_under_two_codes_of_binding_counts_once() -> None:
    old = [{**row, "code": "0ld"} for row in rows()[:4]]
    checks = [
        {**{key: row[key] for key in KEYS}, "digest": row["digest"], "same_as": now, "code": "c0de", "tried": tried}
        for row in old
        for now, tried in (("one", row is old[0]), ("two", False))
    ]
    text = page_of(*old, *rows()[4:], checks=pl.DataFrame(checks, schema=dict(CHECKS), orient="row")).text
    assert "26 were trained by the present code, 4 by earlier versions; the present one was tried on 1 of these" in text


def test_how_old_runs_are_trained_again_is_said_of_each_kind() -> None:
    kinds = [{"ablation": "kept"}, {"rotation": "r0"}, {"ablation": "gone"}, {"rotation": "p9"}]
    old = [run_row(method="mmbind", code="0ld", **kind) for kind in kinds]
    text = page_of(*old, ablations={"kept": "training.propagate: false"}).text
    assert "**4 of 4 runs are of another version of the code" in text
    assert (
        "makes them anew (`--ablation kept`, `--rotation r0` for those); 2 are of ablations or rotations that "
        "`params.yaml` no longer names." in text
    )
    lost = page_of(*rows(), *[row for row in old if row["ablation"] == "gone"]).text
    assert "present one (`0ld`: 1).** 1 are of ablations or rotations" in lost
    assert "What the parts are worth" not in lost


def test_rivals_without_a_common_rotation_and_seed_leave_the_goal_open() -> None:
    figures = {"lower": [0.5, 0.6, 0.7], "mmbind": [0.9, 0.9, 0.9], "oracle": [0.9, 0.9, 0.9]}
    apart = [{**row, "seed": 7} for row in rows({"mim": [0.99, 0.99, 0.99]})[::2]]
    text = page_of(*rows(figures), *apart).text
    assert "cannot be judged, since no run of MMBind has the rotation and seed of any run of incomplete" in text
    assert "beats every rival: cannot be judged; near the oracle: yes." in text
    assert "Not all methods have runs of the same rotations and seeds" in text


def test_purity_that_does_not_vary_correlates_with_nothing() -> None:
    """0.512345 three times has a mean that is not exactly that."""
    runs = [{**row, "purity": 0.512345} for row in rows({"mmbind": [0.7, 0.8, 0.9]})]
    assert "correlate" not in page_of(*runs).text


def test_label_counts_that_a_rotation_lacks_do_not_correlate() -> None:
    """With more labels all rotations are better alike; one of them has no such run."""
    runs = [*rows({"mmbind": [0.7, 0.7, 0.7]}), *rows({"mmbind": [0.9, 0.9]}, labels=12)]
    assert "correlate" not in page_of(*runs).text


def test_the_recipe_is_that_of_the_study() -> None:
    figures = {**FIGURES, "mim": [0.60, 0.70, 0.80]}
    text = page_of(*rows(figures), recipe=Recipe("pre-training on pairs, no student", "mim")).text
    assert "The whole recipe (pre-training on pairs, no student) helps against incomplete pre-training (MIM)" in text
    assert "The same recipe on pairs by true label helps against incomplete pre-training (MIM): +11.1" in text


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
    tuned = page_of(run_row(method="mmbind", rotation="r0")).text
    assert "- **tiny**: no run of a reported rotation is stored yet." in tuned
    assert "MMBind was not run" in page_of(*rows({"lower": [0.5]})).text
    uneven = page_of(*rows()[:-1]).text
    assert "Not all methods have runs of the same rotations and seeds" in uneven


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

"""The stage report, from a study bound by hand."""

import dataclasses
import json
import re
from pathlib import Path

import polars as pl
import pytest

from mmbind.errors import DataError, InputError, MissingStageError
from mmbind.files import digest_folder
from mmbind.reports import write_binding_report
from mmbind.study import Study
from mmbind.versions import accept, current_version
from tests.unit.reports.bound import LABELS, bound_study, oracle_pairs, write_pairs


def page_of(study: Study) -> str:
    return study.report("binding").read_text(encoding="utf-8")


def pairs_in(study: Study) -> pl.DataFrame:
    return pl.read_parquet(study.bindings / "pairs.parquet")


def test_page_metrics_and_plots(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study", drawn=2)
    write_pairs(study, oracle_pairs(study))
    summary = write_binding_report(study)
    metrics = json.loads(study.metrics("binding").read_text())
    assert metrics == summary.metrics
    assert metrics["pairs"] == 12
    assert metrics["anchors"] == {"A borrows mag": 6, "B borrows gyro": 6}
    assert metrics["similarity"]["mean"] == 1
    assert metrics["purity"]["mean"] == metrics["purity"]["mutual"] == 1
    assert metrics["purity"]["chance"] == pytest.approx(1 / 3, abs=1e-6)
    assert metrics["coverage"]["A borrows mag"] == {"s": 0.5}
    assert "purity 1.000 (chance 0.333, mutual pairs 1.000)" in summary.lines()
    assert pl.read_csv(study.plots("similarity"))["pairs"].sum() == 12
    assert pl.read_csv(study.plots("hubness")).select(pl.col("borrowed").dot("windows")).item() == 12
    page = page_of(study)
    assert page.count('class="pair"') == 4
    assert "ab" * 32 in page
    assert "cd" * 32 in page
    assert "same label" in page


def test_the_page_loads_nothing_and_escapes_labels(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    write_binding_report(study)
    page = page_of(study)
    assert not re.search(r"""(?:src|href)\s*=\s*(?!"#)|url\((?!#)|@import|<script|<link""", page)
    assert "http:" not in page
    assert "https:" not in page
    assert "<b>wave" not in page
    assert "&lt;b&gt;wave&lt;/b&gt; &amp; bow" in page
    assert str(tmp_path) not in page
    assert page.count("<svg") == page.count('role="img" aria-label="')


def test_the_same_binding_gives_the_same_bytes_elsewhere(tmp_path: Path) -> None:
    first, second = (bound_study(tmp_path / name) for name in ("first", "second"))
    for study in (first, second, second):
        write_binding_report(study)
    for folder in ("reports", "metrics", "plots"):
        assert digest_folder(first.data / folder) == digest_folder(second.data / folder)


@pytest.mark.parametrize("truth", [True, False])
def test_without_labels_there_is_no_purity_and_the_report_says_so(tmp_path: Path, truth: bool) -> None:
    study = bound_study(tmp_path / "study", labels=[None] * 6, truth=truth)
    summary = write_binding_report(study)
    assert "purity" not in json.loads(study.metrics("binding").read_text())
    assert "purity unknown: no pair has two labels" in summary.lines()
    assert "No labels are known" in page_of(study)


def test_a_pair_that_found_each_other_is_drawn_once_and_in_one_list(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study", labels=LABELS[:2], drawn=50)
    write_pairs(study, oracle_pairs(study).filter("mutual"))
    write_binding_report(study)
    assert page_of(study).count('class="pair"') == 1


def test_no_pairs_are_a_page_too(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    write_pairs(study, pairs_in(study).clear())
    summary = write_binding_report(study)
    assert summary.metrics["pairs"] == 0
    assert "The binding holds no pairs." in page_of(study)
    assert summary.lines()[0] == "0 pairs, mean similarity unknown, mutual 0.0%"


def test_many_channels_are_thinned_and_the_page_says_so(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study", channels=9)
    write_binding_report(study)
    assert "6 of 9 channels, those that move most" in page_of(study)


def test_before_bind_the_missing_stage_is_named(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    (study.bindings / "manifest.json").unlink()
    with pytest.raises(MissingStageError, match="Run the stage 'bind' first"):
        write_binding_report(study)
    assert not study.report("binding").exists()


def test_pairs_of_other_roles_are_refused(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    write_pairs(study, pairs_in(study).with_columns(partner=pl.lit("stranger")))
    with pytest.raises(DataError, match=r"pairs\.parquet, column 'partner', value 'stranger'.*bind"):
        write_binding_report(study)


def test_a_window_in_two_roles_is_refused(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study", prefixes=("same", "same"))
    with pytest.raises(InputError, match="is in the roles A and B"):
        write_binding_report(study)


def test_the_page_compares_with_the_accepted_version(tmp_path: Path) -> None:
    study = bound_study(tmp_path / "study")
    write_binding_report(study)
    assert "No version is accepted yet" in study.report("binding").read_text()
    current = current_version(study)
    better = {**current.manifest, "id": "9" * 64, "quality": {"mutual": 0.875}}
    accept(study, dataclasses.replace(current, manifest=better, metrics={"purity": {"mean": 0.125}}))
    write_binding_report(study)
    page = study.report("binding").read_text()
    assert "What the version <code>999999999999</code> reached" in page
    assert "0.875" in page
    assert "0.125" in page

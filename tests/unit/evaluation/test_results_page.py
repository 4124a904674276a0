"""The committed page is what the stored runs give."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import torch
import yaml

from mmbind.errors import InputError
from mmbind.evaluation.grid import Selection, run_grid, write_results_page
from mmbind.evaluation.grid.publish import present_versions, studies_of
from mmbind.reports.results import Results
from mmbind.reports.results.page import results_page
from mmbind.reports.results.study_results import Present
from mmbind.study import Study
from tests.support import ROOT, write_study
from tests.unit.evaluation.gridded import write_gridded


def test_the_committed_page_is_what_the_stored_runs_give() -> None:
    text = (ROOT / "docs" / "results.md").read_text()
    written = Present.of_page(text)
    assert written is not None
    page = results_page(list(studies_of(ROOT)), written)
    assert page.text == text, "run 'make results' and commit docs/results.md"
    folder = ROOT / "docs" / "results"
    plots = {path.name: path.read_text() for path in folder.iterdir()} if folder.is_dir() else {}
    assert plots == page.plots


def test_a_grid_becomes_a_page(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, tasks={"complete": ["acc", "gyro", "mag"]}, draws=["balanced"], seeds=[0])
    run_grid(study, Selection(rotations=("t0", "p0")))
    summary = write_results_page(tmp_path)
    assert summary.runs == {"tiny": 8}
    text = summary.path.read_text()
    assert "### tiny: complete, 6 labels drawn balanced by class" in text
    assert "All 8 stored runs are of the present code and parameters of training." in text
    assert Present.of_page(text) == present_versions(tmp_path)
    assert sorted(path.name for path in (tmp_path / "docs" / "results").iterdir()) == [
        "tiny-complete-balanced-labels.svg",
        "tiny-complete-balanced-purity.svg",
    ]
    before = text, (tmp_path / "docs" / "results" / "tiny-complete-balanced-labels.svg").read_bytes()
    write_results_page(tmp_path)
    after = summary.path.read_text(), (tmp_path / "docs" / "results" / "tiny-complete-balanced-labels.svg").read_bytes()
    assert after == before


def test_the_page_does_not_depend_on_the_machine_that_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``auto`` trains in bfloat16, or on a GPU, on some machines; all such runs are runs of these parameters."""
    write_gridded(tmp_path, tasks={"complete": ["acc", "gyro", "mag"]}, draws=["balanced"], seeds=[0])
    values = yaml.safe_load((tmp_path / "params.yaml").read_text())
    values["compute"] |= {"device": "auto", "precision": "auto"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    pages = []
    for native in (False, True):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda native=native: {"avx512_bf16": native})
        monkeypatch.setattr(torch.cuda, "is_available", lambda native=native: native)
        if not native:
            run_grid(Study.load(tmp_path), Selection(rotations=("p0",)))
        pages.append(results_page(list(studies_of(tmp_path)), present_versions(tmp_path)))
    assert pages[0] == pages[1]
    assert "stored runs are of the present code and parameters of training." in pages[0].text


def test_the_page_tells_what_each_part_is_worth(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, tasks={"complete": ["acc", "gyro", "mag"]}, draws=["balanced"], seeds=[0])
    run_grid(study, Selection(labels=(6,)))
    before = write_results_page(tmp_path).path.read_text()
    assert "What the parts are worth" not in before
    run_grid(study, Selection(labels=(6,), ablations=("no_own",)))
    runs = Results.read(tmp_path / "results").runs.filter(pl.col("method") == "mmbind").sort("rotation")
    own, plain = (runs.filter(pl.col("ablation") == name)["accuracy"] for name in ("no_own", ""))
    text = write_results_page(tmp_path).path.read_text()
    row = next(
        line for line in text.splitlines() if line.startswith("| no_own (`training.student.own_windows: false`)")
    )
    assert [cell.strip() for cell in row.split("|")][2:4] == ["MMBind", "2"]
    assert f"{100 * (own - plain).mean():+.1f} (2 rotations, no interval)" in row
    assert "All 6 stored runs are of the present code and parameters of training." in text
    # the ablation leaves everything else as it was
    assert [line for line in text.splitlines() if line.startswith("| **MMBind**")] == [
        line for line in before.splitlines() if line.startswith("| **MMBind**")
    ]


def test_studies_of_one_name_are_refused(tmp_path: Path) -> None:
    write_gridded(tmp_path)
    write_gridded(tmp_path / "studies" / "copy")
    with pytest.raises(InputError, match=r"copy/params\.yaml and .* are both called 'tiny'"):
        write_results_page(tmp_path)


def test_a_project_without_a_protocol_has_no_page(tmp_path: Path) -> None:
    write_study(tmp_path)
    with pytest.raises(InputError, match="has a section 'protocol'"):
        write_results_page(tmp_path)

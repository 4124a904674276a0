"""Ablations: the same runs with one thing otherwise, and none that changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from mmbind.errors import ConfigError, InputError
from mmbind.evaluation.grid import Selection, run_grid
from mmbind.reports.results import Results
from mmbind.study import Study
from tests.unit.evaluation.gridded import SMALL, write_gridded


def test_ablations_stand_beside_the_runs_that_they_change(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **SMALL)
    part: dict[str, Any] = {"labels": (6,), "rotations": ("p0",)}
    run_grid(study, Selection(**part, methods=("lower", "mmbind")))
    plain = Results.read(tmp_path / "results").runs
    assert set(plain["ablation"]) == {""}
    folders = sorted(path.name for path in (tmp_path / "data" / ".work").glob("**/rotations/[a-z]*"))
    summary = run_grid(study, Selection(**part, ablations=("no_own", "two_partners")))
    assert (summary.wanted, summary.trained) == (2, 2)
    runs = Results.read(tmp_path / "results").runs
    assert runs.filter(pl.col("ablation") == "").equals(plain)
    assert sorted(runs.filter(pl.col("ablation") != "").select("ablation", "method").rows()) == [
        ("no_own", "mmbind"),
        ("two_partners", "mmbind"),
    ]
    assert runs.filter(pl.col("method") == "mmbind")["settings"].n_unique() == 3
    # only another binding needs other stores
    work = tmp_path / "data" / ".work"
    apart = sorted(path.relative_to(work) for path in work.glob("**/rotations/[a-z]*"))
    assert folders == ["p0"]
    assert [path.parts[:2] for path in apart] == [("ablations", "two_partners"), ("protocol", "rotations")]
    pairs = [pl.read_parquet(work / one / "bindings" / "pairs.parquet") for one in apart]
    assert pairs[0]["rank"].max() == 2
    assert pairs[1]["rank"].max() == study.params.binding.partners == 1
    assert run_grid(study, Selection(**part, ablations=("no_own", "two_partners"))).trained == 0
    with pytest.raises(InputError, match="The protocol has no ablation 'no_onw'"):
        run_grid(study, Selection(**part, ablations=("no_onw",)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training.student.piror": "none"}, r"(?s)unknown key 'training.student.piror'.*prior"),
        ({"training.student.prior": "all"}, "training.student.prior"),
        ({"training.propagate.no": True}, "'training.propagate' is a value, not a section"),
        ({"binding.partners": 0}, "binding.partners"),
    ],
)
def test_an_ablation_of_nothing_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_gridded(tmp_path)
    text = yaml.safe_load((tmp_path / "params.yaml").read_text())
    text["protocol"]["ablations"] = {"wrong": {"change": change}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(text))
    with pytest.raises(ConfigError, match=message) as refused:
        Study.load(tmp_path)
    assert "protocol.ablations.wrong" in str(refused.value)


@pytest.mark.parametrize(
    ("ablation", "message"),
    [
        ({"change": {"windows.min_coverage": 0.1}}, r"shorter: no training of the grid depends on 'windows.min_cov"),
        ({"change": {"training.propagate": False}, "methods": ["mim"]}, "'mim' is not among protocol.methods"),
    ],
)
def test_an_ablation_that_would_seem_to_have_no_effect_is_refused(
    tmp_path: Path, ablation: dict[str, Any], message: str
) -> None:
    study = write_gridded(tmp_path, **SMALL, ablations={"shorter": ablation})
    with pytest.raises(InputError, match=message):
        run_grid(study)

"""The stage: its files, its table, and what it says about the rivals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.errors import InputError, LeakageError, MissingStageError
from mmbind.evaluation import evaluate
from mmbind.evaluation.answers import Answers
from mmbind.evaluation.evaluate import confusions
from mmbind.evaluation.runs import Run
from tests.unit.evaluation.studied import write_studied


def test_evaluate_writes_metrics_plots_and_page(tmp_path: Path) -> None:
    study = write_studied(tmp_path)
    summary = evaluate(study)
    metrics = json.loads(study.metrics("evaluation").read_text())
    assert (metrics["labels"], metrics["classes"], metrics["test_windows"]) == (6, 3, 9)
    assert metrics["chance"] == pytest.approx(1 / 3, abs=1e-6)
    assert list(summary.methods) == ["lower", "mim", "mmbind", "upper", "oracle"]
    assert set(metrics["methods"]) == set(summary.methods)
    assert set(metrics["methods"]["mmbind"]["accuracy"]) == {"mean", "deviation"}
    runs = pl.read_csv(study.plots("evaluation"))
    assert runs.columns == ["method", "seed", "accuracy", "macro_f1"]
    assert runs["method"].to_list() == [m for m in summary.methods for _ in range(2)]
    assert runs.filter(pl.col("method") == "mim")["accuracy"].mean() == pytest.approx(
        metrics["methods"]["mim"]["accuracy"]["mean"], abs=1e-6
    )
    confusion = pl.read_csv(study.plots("confusion"))
    assert confusion.columns == ["actual", "predicted"]
    assert confusion.height == 9 * 2
    assert study.report("evaluation").is_file()
    lines = summary.lines()
    assert sum(line.startswith("MMBind ") for line in lines) == 4  # over each other method
    assert str(study.report("evaluation")) in lines[-1]
    files = [study.metrics("evaluation"), *(study.plots(n) for n in ("evaluation", "confusion"))]
    files.append(study.report("evaluation"))
    before = [path.read_bytes() for path in files]
    assert str(tmp_path) not in b"".join(before).decode()
    shutil.rmtree(study.root / "data" / ".work")
    evaluate(study)
    assert [path.read_bytes() for path in files] == before


def test_missing_stages_and_labels_are_named(tmp_path: Path) -> None:
    study = write_studied(tmp_path, evaluation={"methods": ["lower"], "seeds": [0], "workers": 1})
    index = study.truth("test") / "index.parquet"
    pl.read_parquet(index).with_columns(label=pl.lit(None, pl.String)).write_parquet(index)
    with pytest.raises(InputError, match="no test window has a label"):
        evaluate(study)
    shutil.rmtree(study.bindings)
    with pytest.raises(MissingStageError, match="Run the stage 'bind' first"):
        evaluate(study)


@pytest.mark.parametrize(("role", "column"), [("target", "subject"), ("B", "recording")])
def test_a_person_or_recording_on_two_sides_stops_it(tmp_path: Path, role: str, column: str) -> None:
    study = write_studied(tmp_path)
    shared = pl.read_parquet(study.role("test") / "index.parquet")[column][0]
    index = study.role(role) / "index.parquet"
    pl.read_parquet(index).with_columns(pl.lit(shared).alias(column)).write_parquet(index)
    with pytest.raises(LeakageError, match=f"'test' and '{role}' share the {column}"):
        evaluate(study)


def test_windows_without_label_are_not_counted_and_new_classes_are_errors() -> None:
    run = Run("lower", 0, 0, 0, ["run", "walk", "walk", "run"], Answers([], {}, []))
    classes, (matrix,) = confusions([run], ["run", None, "swim", "walk"], ["run", "walk"])
    assert classes == ["run", "swim", "walk"]
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0, 0, 1], [1, 0, 0]])
    with pytest.raises(InputError, match="answered 4 of 3"):
        confusions([run], ["run", "run", "run"], ["run", "walk"])

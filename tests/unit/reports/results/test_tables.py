"""The store: what joins, what is refused, and equal bytes for equal runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.errors import DataError, InputError
from mmbind.reports.results import Results, markdown
from tests.unit.reports.results.rows import named, results_of, run_row

ROWS = [run_row(method=method, seed=seed) for method in ("lower", "mmbind") for seed in (0, 1, 2)]


def bytes_of(results: Results, folder: Path) -> dict[str, bytes]:
    results.write(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(st.permutations(range(len(ROWS))), st.integers(0, len(ROWS)))
@settings(deadline=None, max_examples=25)
def test_parts_merge_to_the_bytes_of_the_whole(tmp_path_factory: Any, order: list[int], cut: int) -> None:
    folder = tmp_path_factory.mktemp("store")
    rows = [ROWS[place] for place in order]
    overlap = rows[max(0, cut - 1) :]
    merged = results_of(*rows[:cut]).merged(results_of(*overlap))
    assert bytes_of(merged, folder / "merged") == bytes_of(results_of(*ROWS), folder / "whole")
    assert bytes_of(Results.read(folder / "whole"), folder / "again") == bytes_of(merged, folder / "merged")


def test_another_value_of_a_run_is_refused_by_its_name() -> None:
    here = results_of(run_row(), run_row(method="mmbind", purity=0.5))
    for change, why in (({"accuracy": 0.6}, r"accuracy is 0\.5 here and 0\.6 in there"), ({"code": "new"}, "code is")):
        with pytest.raises(InputError, match=f"study tiny, task complete, method lower, labels 6.*seed 0: {why}"):
            here.merged(results_of(run_row(**change)), "there")
    with pytest.raises(InputError, match=r"method mmbind.*purity is 0\.5 here and None"):
        here.merged(results_of(run_row(method="mmbind")))
    other = results_of(run_row())
    moved = Results(other.runs, other.confusions.with_columns(windows=pl.lit(5)), other.modalities, other.reliability)
    with pytest.raises(InputError, match=r"method lower.*its confusions differ"):
        here.merged(moved)


def test_newer_runs_take_the_place_of_older_ones_in_every_table() -> None:
    here = results_of(run_row(), run_row(seed=1))
    newer = Results.of(runs=[run_row(accuracy=0.9)], modalities=[named(run_row(), modalities="acc", windows=1)])
    updated = here.updated(newer)
    assert updated.runs["accuracy"].to_list() == [0.9, 0.5]
    assert set(updated.confusions["seed"]) == {1}
    assert updated.modalities.filter(pl.col("seed") == 0).height == 1


def test_an_empty_folder_holds_no_runs_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    assert Results.read(tmp_path).runs.height == 0
    results_of(run_row()).write(tmp_path)
    (tmp_path / "modalities.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"modalities\.parquet: is no table of results"):
        Results.read(tmp_path)
    (tmp_path / "modalities.parquet").unlink()
    with pytest.raises(DataError, match=r"modalities\.parquet: is missing beside runs\.parquet"):
        Results.read(tmp_path)
    pl.DataFrame({"study": ["tiny"]}).write_parquet(tmp_path / "modalities.parquet")
    with pytest.raises(DataError, match="lacks the column 'task'"):
        Results.read(tmp_path)


def test_an_ablation_stands_beside_the_unchanged_method_on_its_own_rotations() -> None:
    rows = [
        run_row(ablation=ablation, rotation=rotation, accuracy=accuracy, ece=ece)
        for ablation, rotation, accuracy, ece in (
            ("", "p0", 0.6, 0.30),
            ("", "p1", 0.9, 0.90),
            ("cooler", "p0", 0.7, 0.10),
        )
    ]
    text = markdown.ablations(results_of(*rows).runs, {"cooler": "temperature: 2"})
    *_, row = text.strip().splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:4] == ["cooler (`temperature: 2`)", "lower bound", "1", "70.0 / 60.0"]
    assert cells[5] == "0.100 / 0.300"
    assert cells[6].startswith("+10.0")


def test_an_ablation_of_a_method_that_has_no_unchanged_run_is_held_against_mmbind() -> None:
    rows = [
        run_row(method="mmbind", accuracy=0.6),
        run_row(method="mmbind_paper", ablation="raw", accuracy=0.5),
    ]
    row = markdown.ablations(results_of(*rows).runs, {"raw": "shared.representation: raw"}).splitlines()[-1]
    assert "| MMBind as in the paper, unweighted | 1 | 50.0 / - |" in row
    assert "| -10.0 (1 rotation, no interval) against MMBind |" in row

"""The grid: each run once, the same bytes however it was reached, and no label of the test in a training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mmbind.config.protocol import Ablation
from mmbind.errors import InputError, LeakageError, MissingStageError, MmbindError
from mmbind.evaluation.grid import Selection, cells_of, merge_results, places, run, run_grid
from mmbind.evaluation.worker import SUPERVISED, perform
from mmbind.reports.results import KEYS, Results
from mmbind.study import Study
from mmbind.training import trainer
from mmbind.validation.fingerprints import MARKS
from mmbind.windows.store import WindowStore
from tests.support import write_study
from tests.unit.evaluation.gridded import SMALL, stored, write_gridded


def test_filters_choose_parts_of_the_grid(tmp_path: Path) -> None:
    protocol = write_gridded(tmp_path).params.protocol
    assert protocol is not None
    assert len(cells_of(Selection().of(protocol))) == 2 * 2 * 2 * 2  # tasks, counts, draws, reported rotations
    chosen = Selection(
        tasks=("complete",), labels=(6,), draws=("random",), rotations=("t0", "p1"), seeds=(1,), methods=("mmbind",)
    ).of(protocol)
    assert [cell.name for cell in cells_of(chosen)] == ["t0-complete-6-random", "p1-complete-6-random"]
    assert (chosen.seeds, chosen.methods) == ([1], ["mmbind"])
    for wrong in ({"rotations": ("r9",)}, {"labels": (54,)}, {"methods": ("mmbnd",)}, {"tasks": ("all",)}):
        with pytest.raises(InputError, match="The protocol has no"):
            Selection(**wrong).of(protocol)


def test_every_run_has_its_row_and_figures_that_agree(tmp_path: Path) -> None:
    study = write_gridded(tmp_path)
    part = Selection(labels=(6,), draws=("random",), rotations=("p0",))
    summary = run_grid(study, part)
    assert (summary.wanted, summary.trained, summary.stored) == (8, 8, 8)  # tasks, seeds, methods
    results = Results.read(study.root / "results")
    runs = results.runs
    assert runs.select(KEYS).is_unique().all()
    assert runs.filter(pl.col("method") == "lower")["purity"].null_count() == 4
    assert runs.filter(pl.col("method") == "mmbind")["purity"].is_between(0, 1).all()
    totals = results.confusions.group_by(KEYS).agg(
        pl.col("windows").sum(), right=pl.col("windows").filter(pl.col("actual") == pl.col("predicted")).sum()
    )
    assert totals["windows"].to_list() == [12] * 8
    both = runs.join(totals, on=list(KEYS))
    assert both["accuracy"].to_list() == pytest.approx((both["right"] / both["windows"]).to_list(), abs=1e-6)
    bins = results.reliability.group_by(KEYS).agg(
        pl.col("windows").sum(),
        ece=((pl.col("confidence") - pl.col("right")).abs() * pl.col("windows")).sum() / pl.col("windows").sum(),
    )
    assert runs.join(bins, on=list(KEYS)).select((pl.col("ece") - pl.col("ece_right")).abs().max()).item() < 1e-5
    names = results.modalities.group_by("task").agg(pl.col("modalities").unique().sort())
    assert dict(names.iter_rows()) == {
        "absent_shared": ["gyro", "gyro+mag", "mag"],
        "complete": ["acc", "acc+gyro", "acc+gyro+mag", "acc+mag", "gyro", "gyro+mag", "mag"],
    }
    every = results.modalities.filter(pl.col("modalities").is_in(["acc+gyro+mag"])).join(runs, on=list(KEYS))
    assert every["accuracy"].to_list() == every["accuracy_right"].to_list()


def test_a_grid_in_parts_gives_the_bytes_of_a_grid_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts, other = (write_gridded(tmp_path / name, **SMALL) for name in ("whole", "parts", "other"))
    assert run_grid(whole).trained == 8
    trained: list[str] = []

    def watched(request: Any) -> Any:
        trained.append(request.method)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return perform(request)

    with monkeypatch.context() as patch:
        patch.setattr(run, "perform", watched)
        with pytest.raises(KeyboardInterrupt):
            run_grid(parts, Selection(rotations=("p0",)))
    assert Results.read(parts.root / "results").runs.height == 2
    assert run_grid(parts, Selection(rotations=("p0",))).trained == 2
    assert run_grid(other, Selection(rotations=("p1",))).trained == 4
    merge_results(parts, [other.root / "results"])
    assert stored(parts) == stored(whole)
    merge_results(parts, [other.root, whole.root / "results" / "runs.parquet"])
    assert stored(parts) == stored(whole)
    shutil.rmtree(parts.root / "data" / ".work")
    assert run_grid(parts).trained == 0  # what is stored is not trained again, wherever it came from
    assert stored(parts) == stored(whole)


def test_rotations_bind_once_for_all_their_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_gridded(tmp_path, seeds=[0], methods=["lower"], ablations={})
    bound: list[str] = []
    monkeypatch.setattr(places, "bind", lambda one, bind=places.bind: (bound.append(one.data.name), bind(one)))
    run_grid(study)
    assert bound == ["p0", "p1"]
    run_grid(study)
    assert bound == ["p0", "p1"]


def test_trainings_that_differ_in_labels_or_in_their_use_share_pre_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = ["lower", "mim", "imagebind", "mmbind", "oracle"]
    ablations = {"no_own": {"change": {"training.student.own_windows": False}}}
    small = {**SMALL, "methods": methods, "ablations": ablations}
    together, apart = (write_gridded(tmp_path / name, **small) for name in ("together", "apart"))
    trained: list[str] = []
    fit = trainer.fit
    monkeypatch.setattr(
        trainer, "fit", lambda *args, **options: (trained.append(options["what"]), fit(*args, **options))[1]
    )
    part: dict[str, Any] = {"rotations": ("p0",)}
    for labels in (3, 6):
        run_grid(together, Selection(**part, labels=(labels,)))
    run_grid(together, Selection(**part, labels=(3,), ablations=("no_own",)))
    before_labels = sorted(one for one in trained if one.split(": ")[-1] not in SUPERVISED)
    phases = ["imagebind, seed 0: align", "imagebind, seed 0: pretrain_shared"]
    assert before_labels == sorted([*phases, *[f"{name}, seed 0: pretrain" for name in ("mim", "mmbind", "oracle")]])
    for labels in (6, 3):  # the other way round, and nothing to share
        shutil.rmtree(apart.root / "data" / ".work", ignore_errors=True)
        run_grid(apart, Selection(**part, labels=(labels,)))
    shutil.rmtree(apart.root / "data" / ".work")
    run_grid(apart, Selection(**part, labels=(3,), ablations=("no_own",)))
    assert stored(together) == stored(apart)


def test_a_damaged_phase_is_trained_again(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **{**SMALL, "labels": [6], "methods": ["mmbind"]})
    part = Selection(rotations=("p0",))
    run_grid(study, part)
    before = stored(study)
    shutil.rmtree(tmp_path / "results")
    kept = list((tmp_path / "data" / ".work").glob("*/pretrain/model.safetensors"))
    assert len(kept) == 1
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    for run_file in (tmp_path / "data" / ".work").glob("*/run.json"):
        run_file.unlink()
    assert run_grid(study, part).trained == 1
    assert stored(study) == before


def test_trainings_of_the_grid_know_no_test_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_gridded(tmp_path, **SMALL)

    def blind(request: Any) -> Any:
        truth = Path(request.data) / "truth" / "test"
        aside = truth.with_name("aside")
        truth.rename(aside)
        try:
            return perform(request)
        finally:
            aside.rename(truth)

    monkeypatch.setattr(run, "perform", blind)
    assert run_grid(study, Selection(rotations=("p0",))).stored == 4


def test_people_on_two_sides_stop_the_grid(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **SMALL)
    shared = study.params.rotations[1].model_copy(update={"subjects": {"test": ["p5"]}})
    rotations = [study.params.rotations[0], shared, study.params.rotations[2]]
    leaking = type(study)(study.root, study.params.model_copy(update={"rotations": rotations}), study.data)
    with pytest.raises(LeakageError, match="share the subject 'p5'"):
        run_grid(leaking)


def test_copies_that_are_found_later_stop_a_grid_that_is_there(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **SMALL)
    part = Selection(rotations=("p0",), methods=("lower",))
    run_grid(study, part)
    index = WindowStore.open(study.windows("s"), stage="window").index
    both = [index.filter(subject=person)["recording"][0] for person in ("p3", "p4")]  # target and test
    marks = [(recording, "acc", mark, mark, 1) for recording in both for mark in range(20)]
    study.fingerprints("s").parent.mkdir(parents=True)
    pl.DataFrame(marks, schema=MARKS, orient="row").write_parquet(study.fingerprints("s"))
    with pytest.raises(LeakageError, match="The same readings stand in the roles"):
        run_grid(study, part)


@pytest.mark.parametrize(
    ("error", "said"),
    [(MmbindError("the loss is NaN."), r"the loss is NaN\."), (RuntimeError("a bug"), "RuntimeError: a bug")],
)
def test_one_failed_training_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    """Whether its failure was foreseen or not."""
    study = write_gridded(tmp_path, **SMALL)

    def failing(request: Any) -> Any:
        if request.method == "mmbind":
            raise error
        return perform(request)

    monkeypatch.setattr(run, "perform", failing)
    monkeypatch.setattr(run, "NAMED", 2)
    with pytest.raises(MmbindError, match=rf"p0-complete-3-balanced, mmbind, seed 0: {said}\n.*\nand 2 more "):
        run_grid(study)
    assert set(Results.read(study.root / "results").runs["method"]) == {"lower"}


def test_stores_that_were_killed_half_made_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other parameters make the rotation anew and are killed; the first ones must not take the half for theirs."""
    study = write_gridded(tmp_path, **SMALL)
    part = Selection(labels=(6,), rotations=("p0",), methods=("mmbind",))
    run_grid(study, part)
    before = stored(study)
    shared = study.params.shared.model_copy(update={"dimensions": 3})
    other = Study(study.root, study.params.model_copy(update={"shared": shared}), study.data)

    def killed(_: Study) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(places, "bind", killed)
        with pytest.raises(KeyboardInterrupt):
            run_grid(other, part)
    bound: list[str] = []
    monkeypatch.setattr(places, "bind", lambda one, bind=places.bind: (bound.append(one.data.name), bind(one)))
    run_grid(study, part)
    assert bound == ["p0"]
    assert stored(study) == before


def test_pairs_weighted_by_labels_that_a_cell_does_not_have_are_refused(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **SMALL)
    weight = study.params.binding.weight.model_copy(update={"kind": "calibrated", "by": "labelled"})
    binding = study.params.binding.model_copy(update={"weight": weight})
    with pytest.raises(InputError, match="cannot be weighted by labelled windows"):
        run_grid(Study(study.root, study.params.model_copy(update={"binding": binding}), study.data))
    change = {"binding.weight": {"kind": "calibrated", "by": "labelled"}}
    ablations = {"by_labels": Ablation(change=change)}
    protocol = study.params.protocol.model_copy(update={"ablations": ablations})
    named = Study(study.root, study.params.model_copy(update={"protocol": protocol}), study.data)
    with pytest.raises(InputError, match=r"labelled windows \(ablation 'by_labels'\)"):
        run_grid(named, Selection(ablations=("by_labels",)))
    run_grid(named, Selection(rotations=("p0",), labels=(3,)))  # without it, all is well


@pytest.mark.parametrize(
    "change",
    [
        {"training.student.own_windows": True},  # as it is
        {"training.checkpoint_every": 3},
        {"roles.target.labels": {"count": 5, "draw": "random"}},  # every cell has its own
    ],
)
def test_ablations_that_change_nothing_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    study = write_gridded(tmp_path, **SMALL | {"ablations": {"idle": {"change": change}}})
    with pytest.raises(InputError, match=r"protocol\.ablations\.idle changes nothing"):
        run_grid(study, Selection(ablations=("idle",)))


def test_an_ablation_of_other_methods_than_the_selected_is_refused(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **SMALL)
    with pytest.raises(InputError, match="are not of the methods that are"):
        run_grid(study, Selection(ablations=("no_own",), methods=("lower",)))


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no section 'protocol'"):
        run_grid(write_study(tmp_path / "plain"))
    study = write_gridded(tmp_path / "tiny", **SMALL)
    shutil.rmtree(study.windows("s"))
    with pytest.raises(MissingStageError, match="Run the stage 'window' first"):
        run_grid(study)
    with pytest.raises(InputError, match="holds no results"):
        merge_results(study, [tmp_path])


def test_changed_parameters_of_training_replace_the_rows(tmp_path: Path) -> None:
    study = write_gridded(tmp_path, **SMALL)
    part = Selection(rotations=("p0",), labels=(3,))
    run_grid(study, part)
    before = Results.read(study.root / "results").runs
    training = study.params.training.model_copy(update={"temperature": 0.5})
    changed = type(study)(study.root, study.params.model_copy(update={"training": training}), study.data)
    assert run_grid(changed, part).trained == 2
    after = Results.read(study.root / "results").runs
    assert after.height == before.height
    assert set(after["settings"]) & set(before["settings"]) == set()

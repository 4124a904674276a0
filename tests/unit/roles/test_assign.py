from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.errors import InputError, MissingStageError
from mmbind.files import digest_folder
from mmbind.roles import assign_roles
from mmbind.study import Study
from mmbind.windows.store import StoreWriter, WindowStore
from tests.support import tiny_params, write_study
from tests.unit.roles.people import people, roles, two_sources, write_source


def role(study: Study, name: str) -> WindowStore:
    return WindowStore.open(study.role(name), stage="assign")


def truth(study: Study, name: str) -> WindowStore:
    return WindowStore.open(study.truth(name), stage="assign")


def test_a_role_shows_its_modalities_and_truth_holds_the_rest(tmp_path: Path) -> None:
    study = people(tmp_path)
    assign_roles(study)
    source = WindowStore.open(study.windows("s"), stage="window")
    for name, shown, hidden in (
        ("A", ["acc", "gyro"], ["mag"]),
        ("B", ["acc", "mag"], ["gyro"]),
        ("target", ["acc", "gyro", "mag"], []),
        ("test", ["acc", "gyro", "mag"], []),
    ):
        seen, closed = role(study, name), truth(study, name)
        assert sorted(seen.modalities) == shown
        assert sorted(closed.modalities) == hidden
        assert seen.ids == closed.ids == sorted(seen.ids)
        where = source.positions(seen.ids)
        assert closed.index["label"].to_list() == source.index["label"][where].to_list()
        for store in (seen, closed):
            for modality, spec in store.modalities.items():
                assert spec == source.modalities[modality]
                assert np.array_equal(store.gather(modality), source.gather(modality, where))
        folders = sorted(path.name for path in study.role(name).iterdir() if path.is_dir())
        assert folders == shown
    assert role(study, "A").index["subject"].unique().sort().to_list() == ["p1", "p2"]


def test_only_the_target_shows_labels_and_only_those_drawn(tmp_path: Path) -> None:
    study = people(tmp_path)
    summary = assign_roles(study)
    for name in ("A", "B", "test"):
        assert role(study, name).index["label"].null_count() == len(role(study, name))
        assert role(study, name).counts["labels"] == {}
    shown = role(study, "target").index
    known = truth(study, "target").index
    drawn = shown.filter(pl.col("label").is_not_null())
    assert drawn.height == 12
    assert drawn["label"].value_counts().sort("label")["count"].to_list() == [4, 4, 4]
    both = drawn.join(known, on="window")
    assert both["label"].to_list() == both["label_right"].to_list()
    assert (
        "target: 12 windows of 1 people, shows acc, gyro, mag and 12 labels (4 per class, 3 classes); "
        "hides all other labels"
    ) in summary.lines()


def test_shards_do_not_change_what_a_role_holds(tmp_path: Path) -> None:
    windows = {**tiny_params()["windows"], "shard_size": 5}
    one, many = people(tmp_path / "a"), people(tmp_path / "b", windows=windows)
    for study in (one, many):
        assign_roles(study)
    assert role(many, "A").index["shard"].n_unique() == 5
    for store in (role, truth):
        for modality in store(one, "A").modalities:
            assert np.array_equal(store(one, "A").gather(modality), store(many, "A").gather(modality))


def test_a_second_run_leaves_the_same_bytes(tmp_path: Path) -> None:
    study = people(tmp_path)
    digests = set()
    for _ in range(2):
        assign_roles(study)
        digests.add((digest_folder(study.data / "roles"), digest_folder(study.data / "truth")))
    assert len(digests) == 1


def test_roles_no_longer_named_are_removed(tmp_path: Path) -> None:
    study = people(tmp_path)
    for path in (study.role("D"), study.truth("D")):
        path.mkdir(parents=True)
    (study.data / "roles" / ".gitignore").write_text("/A\n")
    summary = assign_roles(study)
    assert summary.pruned == ["D"]
    assert sorted(path.name for path in (study.data / "roles").iterdir()) == [".gitignore", "A", "B", "target", "test"]
    assert sorted(path.name for path in (study.data / "truth").iterdir()) == ["A", "B", "target", "test"]


def test_a_role_joins_sources_and_tells_their_people_apart(tmp_path: Path) -> None:
    changed = roles(A={"sources": ["t", "s"], "subjects": ["p1"]}, B={"subjects": ["p2"]})
    study = write_study(tmp_path / "study", sources=two_sources(), roles=changed)
    write_source(study)
    write_source(study, "t", subjects=["p1", "p6"], seed=1)  # p6 is tested in s: another person
    summary = assign_roles(study)
    a = role(study, "A")
    assert len(a) == 24
    assert a.ids == sorted(a.ids)
    assert summary.roles[0].subjects == 2
    for name in ("s", "t"):
        here = a.index.filter(source=name)["window"].to_list()
        source = WindowStore.open(study.windows(name), stage="window")
        assert np.array_equal(a.gather("acc", a.positions(here)), source.gather("acc", source.positions(here)))


def test_a_source_may_lack_a_modality_of_its_role(tmp_path: Path) -> None:
    changed = roles(A={"sources": ["s", "t"], "subjects": ["p1", "q"]})
    study = write_study(tmp_path / "study", sources=two_sources(), roles=changed)
    write_source(study)
    write_source(study, "t", subjects=["q"], seed=1, modalities={"acc": 32, "mag": 32})
    assign_roles(study)
    a = role(study, "A")
    assert a.present("acc").all()
    assert a.present("gyro").sum() == 12
    assert truth(study, "A").present("mag").all()


@pytest.mark.parametrize(
    ("steps", "unit", "message"),
    [
        (
            {"acc": 30, "gyro": 32},
            "m/s2",
            "windows of different length: acc is 32 steps at 16 Hz of c0, c1, c2 in m/s2",
        ),
        ({"acc": 32, "gyro": 32}, "rad", "windows of different channels or unit: acc is"),
    ],
)
def test_sources_of_one_role_must_agree(tmp_path: Path, steps: dict[str, int], unit: str, message: str) -> None:
    changed = roles(A={"sources": ["s", "t"], "subjects": ["p1", "q"]})
    study = write_study(tmp_path / "study", sources=two_sources(), roles=changed)
    write_source(study)
    write_source(study, "t", subjects=["q"], modalities=steps, unit=unit)
    with pytest.raises(InputError, match=message):
        assign_roles(study)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"A": {"subjects": ["p1", "p22"]}},
            r"roles.A.subjects: no window of s is of subject 'p22'. Did you mean 'p2'",
        ),
        ({"target": {"labels": {"count": 13}}}, r"asks for 13 labelled windows, but only 12 of 12 have a label"),
    ],
)
def test_roles_that_cannot_be_filled_are_refused(
    tmp_path: Path, changes: dict[str, dict[str, object]], message: str
) -> None:
    study = people(tmp_path, roles=roles(**changes))
    with pytest.raises(InputError, match=message):
        assign_roles(study)
    assert not (study.data / "roles").exists()


def test_a_modality_that_no_source_has_is_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    write_source(study, modalities={"acc": 32, "gyro": 32})
    with pytest.raises(InputError, match=r"roles.B.modalities: none of its sources \(s\) has 'mag'"):
        assign_roles(study)


def without_gyro(root: Path, subjects: list[str]) -> Study:
    """A study whose role A shows the gyroscope, which some people's windows lack."""
    study = people(root, roles=roles(A={"modalities": ["gyro"]}))
    source = WindowStore.open(study.windows("s"), stage="window")
    dead = source.index["subject"].is_in(subjects).to_numpy()
    values = {name: source.gather(name) for name in source.modalities}
    present = {name: ~dead if name == "gyro" else np.ones(len(source), bool) for name in values}
    writer = StoreWriter(source.path, source.modalities)
    writer.add(
        source.index.drop("shard", "row_acc", "row_gyro", "row_mag"),
        {name: (present[name], values[name][present[name]]) for name in values},
    )
    writer.close({"windows": len(source)})
    return study


def test_windows_that_show_nothing_are_left_out_and_counted(tmp_path: Path) -> None:
    study = without_gyro(tmp_path, ["p1"])
    summary = assign_roles(study)
    assert role(study, "A").index["subject"].unique().to_list() == ["p2"]
    assert truth(study, "A").ids == role(study, "A").ids
    assert summary.roles[0].passed_over == 12
    assert "12 windows show nothing" in summary.lines()[0]


def test_a_role_without_windows_is_refused(tmp_path: Path) -> None:
    study = without_gyro(tmp_path, ["p1", "p2"])
    with pytest.raises(InputError, match="The role 'A' has no windows: none of s has gyro"):
        assign_roles(study)


def test_a_source_without_windows_names_its_stage(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError, match="window@s"):
        assign_roles(write_study(tmp_path / "study"))

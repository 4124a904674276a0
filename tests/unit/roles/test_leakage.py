from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mmbind.errors import LeakageError
from mmbind.files import write_parquet
from mmbind.roles import assign_roles
from mmbind.schema import RECORDINGS
from mmbind.study import Study
from mmbind.validation.fingerprints import fingerprint
from mmbind.windows.store import WindowStore
from tests.support import write_study
from tests.unit.roles.people import PEOPLE, people, roles, signals, two_sources, write_source

#: First row of each person in the fixture's signals.
FIRST = {person: number * 12 for number, person in enumerate(PEOPLE)}


def with_copy(root: Path, modality: str, source: str, copy: str) -> Study:
    """A study in which one window's signals of a person are a copy of another person's."""
    study = write_study(root / "study")
    values = signals(72, 0)
    values[modality][FIRST[copy] + 3] = values[modality][FIRST[source] + 5]
    write_source(study, signals=values)
    return study


@pytest.mark.parametrize(
    ("first", "second", "subject"),
    [("A", "B", "p2"), ("A", "test", "p6"), ("B", "target", "p5"), ("target", "test", "p6")],
)
def test_a_person_in_two_roles_is_refused(tmp_path: Path, first: str, second: str, subject: str) -> None:
    known = roles()
    changed = {name: {"subjects": sorted({*known[name]["subjects"], subject})} for name in (first, second)}
    study = people(tmp_path, roles=roles(**changed))
    with pytest.raises(LeakageError, match=f"The roles '{first}' and '{second}' share the subject '{subject}'"):
        assign_roles(study)
    assert not (study.data / "roles").exists()


def test_a_recording_of_two_people_is_refused_in_two_roles(tmp_path: Path) -> None:
    study = people(tmp_path)
    store = WindowStore.open(study.windows("s"), stage="window")
    one = pl.col("subject").is_in(["p1", "p6"])
    index = store.index.with_columns(recording=pl.when(one).then(pl.lit("together")).otherwise("recording"))
    write_parquet(study.windows("s") / "index.parquet", index)
    with pytest.raises(LeakageError, match="'A' and 'test' share the recording 'together'"):
        assign_roles(study)


@pytest.mark.parametrize(
    ("modality", "trained", "role"), [("gyro", "p1", "A"), ("gyro", "p3", "B"), ("acc", "p5", "target")]
)
def test_copied_content_in_the_test_role_is_refused(tmp_path: Path, modality: str, trained: str, role: str) -> None:
    study = with_copy(tmp_path, modality, trained, "p6")  # for B, gyro is hidden and still counts
    with pytest.raises(LeakageError, match=f"The same {modality} signals stand in the roles 'test' and '{role}'"):
        assign_roles(study)


def test_the_message_names_both_files_where_the_records_are_at_hand(tmp_path: Path) -> None:
    study = with_copy(tmp_path, "acc", "p1", "p6")
    index = WindowStore.open(study.windows("s"), stage="window").index
    rows = [
        {name: 0 if dtype is pl.Int64 else "" for name, dtype in RECORDINGS.items()}
        | {"recording": recording, "file": f"{subject}/{number}.csv"}
        for number, (recording, subject) in enumerate(index.select("recording", "subject").iter_rows())
    ]
    write_parquet(study.records("s") / "recordings.parquet", pl.DataFrame(rows, schema=RECORDINGS))
    with pytest.raises(LeakageError, match=r"window \w+ \(source 's', file 'p6/\d+.csv'\) and .*file 'p1/\d+.csv'"):
        assign_roles(study)


def test_copies_inside_the_training_side_are_no_leak(tmp_path: Path) -> None:
    study = with_copy(tmp_path, "acc", "p1", "p3")
    assert len(assign_roles(study).roles) == 4


def test_signals_that_never_change_carry_no_content(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    values = signals(72, 0)
    for person in PEOPLE:
        values["mag"][FIRST[person]] = 0.0
    write_source(study, signals=values)
    assert len(assign_roles(study).roles) == 4


def write_fingerprints(study: Study, source: str, readings: dict[str, np.ndarray]) -> None:
    """Fingerprints of the accelerometer of some subjects' first recordings, as validate leaves them."""
    index = WindowStore.open(study.windows(source), stage="window").index
    first = dict(index.group_by("subject").agg(pl.col("recording").min()).iter_rows())
    frames = [
        pl.DataFrame({"recording": [first[name]] * len(values), "t_ns": np.arange(len(values))}).hstack(
            pl.DataFrame(values.astype(np.float32), schema=["x", "y", "z"])
        )
        for name, values in sorted(readings.items(), key=lambda item: first[item[0]])
    ]
    records = study.records(source)
    write_parquet(records / "acc" / "00000.parquet", pl.concat(frames))
    write_parquet(study.fingerprints(source), fingerprint(records, "acc"))


@pytest.mark.parametrize(("first", "second", "crossing"), [("p1", "p3", "'A' and 'B'"), ("p2", "p6", "'A' and 'test'")])
def test_a_copied_recording_is_refused_between_any_two_roles(
    tmp_path: Path, first: str, second: str, crossing: str
) -> None:
    study, draw = people(tmp_path), np.random.default_rng(0)
    readings = {person: draw.normal(size=(900, 3)) for person in PEOPLE}
    write_fingerprints(study, "s", readings)
    assert len(assign_roles(study).roles) == 4
    readings[second] = readings[first][100:800] / 9.80665
    write_fingerprints(study, "s", readings)
    with pytest.raises(
        LeakageError, match=r"The same readings stand in the roles .*acc of recording \w+ .*\d+ marks"
    ) as e:
        assign_roles(study)
    assert set(crossing.replace("'", "").split(" and ")) == {
        part for part in ("A", "B", "target", "test") if f"'{part}'" in str(e.value)
    }


def test_a_copied_recording_inside_a_role_is_no_leak(tmp_path: Path) -> None:
    study = people(tmp_path)
    same = np.random.default_rng(0).normal(size=(900, 3))
    write_fingerprints(study, "s", {"p1": same, "p2": same})
    assert len(assign_roles(study).roles) == 4


def test_a_person_under_two_names_is_refused_where_the_sources_say_who_is_who(tmp_path: Path) -> None:
    def study(people_of_t: dict[str, str]) -> Study:
        sources: dict[str, Any] = two_sources()
        sources["s"] = {**sources["s"], "identity": {**sources["s"]["identity"], "people": {"p1": "anna"}}}
        sources["t"] = {**sources["t"], "identity": {**sources["t"]["identity"], "people": people_of_t}}
        study = write_study(
            tmp_path / f"study{len(people_of_t)}", sources=sources, roles=roles(test={"sources": ["t"]})
        )
        write_source(study)
        write_source(study, "t", seed=1)
        return study

    assert len(assign_roles(study({})).roles) == 4
    with pytest.raises(LeakageError, match=r"'A' and 'test' share the person 'anna': .*'p1' of .*'s' is .*'p6' of 't'"):
        assign_roles(study({"p6": "anna"}))

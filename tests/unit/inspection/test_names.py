"""Names of files: parts that vary, what they tell, and globs that keep sensors apart."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbind.config import Identity
from mmbind.inspection.names import Naming, naming_of, spread
from mmbind.sources.discover import matching


def _told(naming: Naming, path: str) -> dict[str, str]:
    assert naming.pattern is not None
    Identity(pattern=naming.pattern)
    found = re.search(naming.pattern, path)
    assert found is not None
    return found.groupdict()


def _checked(paths: list[str], *, labelled: bool = False) -> Naming:
    """The pattern and the globs fit all logs; no glob fits another sensor's."""
    naming = naming_of(paths, labelled=labelled)
    assert all(_told(naming, path) is not None for path in naming.paths)
    assert matching(naming.glob, naming.paths, place="files") == naming.paths
    for sensor, glob in naming.globs.items():
        assert matching(glob, naming.paths, place="join") == naming.sensors[sensor]
    return naming


def test_codes_people_and_repetitions() -> None:
    paths = [
        f"SA{s:02}/{code}_SA{s:02}_R{r:02}.txt" for s in range(1, 6) for code in ("D01", "D03", "F01") for r in (1, 2)
    ]
    naming = _checked([*paths, "Readme.txt"])
    assert _told(naming, paths[0]) == {"label": "D01", "subject": "SA01", "session": "01"}
    assert naming.others == ["Readme.txt"]


def test_sensors_in_names_are_joined() -> None:
    paths = [
        f"{k}/U{u}_R{r}_{s}.csv" for k in ("D1", "F2") for u in (1, 2, 3) for r in (1, 2) for s in ("accel", "gyro")
    ]
    naming = _checked(paths)
    assert sorted(naming.sensors) == ["accel", "gyro"]
    assert _told(naming, "F2/U3_R1_gyro.csv") == {"label": "F2", "subject": "U3", "session": "1"}


def test_a_sensor_whose_name_ends_like_another_is_kept_apart() -> None:
    paths = [f"U{u:02}_{s}.csv" for u in (1, 2, 3) for s in ("accel", "vertical_accel")]
    naming = _checked(paths)
    assert sorted(naming.sensors) == ["accel", "vertical_accel"]


def test_folders_that_say_what_names_say_tell_nothing() -> None:
    paths = [
        f"sub{s}/{'FALLS' if c[0] == 'F' else 'ADL'}/{c}/{c}_{s}_{t}.txt"
        for s in (2, 3, 4)
        for c in ("FOL", "FKL", "WAL", "JOG")
        for t in (1, 2, 3)
    ]
    naming = _checked(paths)
    assert _told(naming, paths[0]) == {"label": "FOL", "subject": "2", "session": "1"}
    assert {part.why for part in naming.parts if part.role is None} == {
        "the same as a later part",
        "goes with the label",
    }


def test_words_of_files_with_labels_inside_are_devices() -> None:
    paths = [f"s{s:02}/s{s:02}_{r:02}_{d}.csv" for s in (1, 2, 3) for r in (1, 2) for d in ("phone", "watch")]
    naming = _checked(paths, labelled=True)
    assert _told(naming, paths[0]) == {"subject": "s01", "session": "01", "device": "phone"}


def test_the_number_of_a_session_varies_although_it_did_not_yet() -> None:
    naming = _checked([f"a{s:02}/session_1.csv" for s in (1, 2, 3)])
    assert _told(naming, "a07/session_12.csv") == {"subject": "a07", "session": "12"}
    assert matching(naming.glob, ["a07/session_12.csv"], place="files")


def test_a_lone_file_tells_nothing() -> None:
    assert naming_of(["log.csv"]).pattern is None
    assert naming_of(["README.md"]).paths == []


@given(
    st.sets(st.tuples(st.integers(1, 30), st.sampled_from(["walk", "sit", "run"]), st.integers(1, 9)), min_size=2),
    st.sampled_from(["p{0}/{1}_{2}.csv", "{1}/s{0}_t{2}.txt", "{0}-{2}-{1}.parquet", "x/{2}/{1}.{0}.csv"]),
)
def test_patterns_fit_whatever_the_names_are(values: set[tuple[int, str, int]], template: str) -> None:
    _checked(sorted(template.format(*value) for value in values))


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (3, 3), (100, 8)])
def test_samples_reach_from_first_to_last(count: int, expected: int) -> None:
    paths = [f"{number:03}" for number in range(count)]
    chosen = spread(paths, 8)
    assert len(chosen) == expected
    assert (chosen[0], chosen[-1]) == (paths[0], paths[-1])

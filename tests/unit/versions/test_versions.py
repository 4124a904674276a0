"""Versions of a binding: named, compared, and held against the accepted one."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbind.errors import DataError, GateError, InputError, MissingStageError
from mmbind.versions import References, accept, current_version, diff_versions, tag
from mmbind.versions.diff import PairChanges
from mmbind.versions.gate import check_quality
from mmbind.versions.references import find_named
from tests.support import write_study
from tests.unit.versions.bindings import manifest_of, version, write_binding

BEFORE = {"a1": "b1", "a2": "b2", "a3": "b3"}
AFTER = {"a1": "b1", "a2": "b9", "a4": "b4"}


def test_a_diff_counts_what_became_of_the_pairs(tmp_path: Path) -> None:
    one = version(tmp_path, "one", BEFORE, identity="1", mutual=0.5)
    two = version(tmp_path, "two", AFTER, identity="2", partners=2, mutual=0.25)
    diff = diff_versions(one, two)
    assert diff.pairs == PairChanges(stayed=1, moved=1, came=1, went=1)
    assert diff.params == {"partners": (1, 2)}
    assert diff.inputs == {}
    assert diff.figures["quality.mutual"] == (0.5, 0.25)
    text = "\n".join(diff.lines())
    assert "1 stayed, 1 moved, 1 came, 1 went" in text
    assert "parameter partners: 1 -> 2" in text
    assert "quality.mutual: 0.5 -> 0.25  (-0.25)" in text
    assert "quality.coverage" not in text  # it did not move


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("uvw"), min_size=1), st.data())
def test_every_pair_of_either_version_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, str], data: st.DataObject
) -> None:
    after = data.draw(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("uvw"), min_size=1))
    folder = tmp_path_factory.mktemp("v")
    one, two = version(folder, "one", before, identity="1"), version(folder, "two", after, identity="2")
    there, back = diff_versions(one, two).pairs, diff_versions(two, one).pairs
    assert there is not None
    assert there.stayed + there.moved + there.went == len(before)
    assert there.stayed + there.moved + there.came == len(after)
    assert back == PairChanges(there.stayed, there.moved, came=there.went, went=there.came)


def test_without_the_pairs_a_diff_says_why(tmp_path: Path) -> None:
    one = version(tmp_path, "one", BEFORE, identity="1")
    lost = dataclasses.replace(one, name="lost", pairs_file=None)
    diff = diff_versions(lost, one)
    assert diff.same
    assert diff.pairs is None
    assert "not in the cache" in "\n".join(diff.lines())


def test_names_stay_with_all_that_a_comparison_needs(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    assert References.of(study).named == {}
    with pytest.raises(MissingStageError, match="bind"):
        current_version(study)
    write_binding(study, manifest_of("1"), BEFORE, purity=0.8)
    tag(study, "first", current_version(study))
    accept(study, current_version(study))
    write_binding(study, manifest_of("2", mutual=0.1), AFTER, purity=0.4)
    tag(study, "second", current_version(study))
    named = References.of(study)
    assert list(named.named) == ["accepted", "first", "second"]
    assert named.names_of("1" * 64) == ["accepted", "first"]
    assert find_named(study, "first").figures["purity.mean"] == 0.8
    before = (study.root / "versions.json").read_bytes()
    tag(study, "second", current_version(study))
    assert (study.root / "versions.json").read_bytes() == before
    with pytest.raises(InputError, match="Did you mean 'first'"):
        find_named(study, "frist")
    for wrong in ("current", "accepted", "1st", "a b", "../x", ""):
        with pytest.raises(InputError, match="cannot be a tag"):
            tag(study, wrong, current_version(study))


@pytest.mark.parametrize("text", ["[]", "{}", '{"accepted": 3, "tags": {}}', "no json"])
def test_a_spoilt_file_of_names_is_told(tmp_path: Path, text: str) -> None:
    study = write_study(tmp_path / "study")
    (study.root / "versions.json").write_text(text)
    with pytest.raises(DataError, match="versions"):
        References.of(study)


def test_the_gate_stops_a_binding_that_is_worse_than_the_accepted_one(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", report={"largest_drop": {"quality.mutual": 0.1, "purity.mean": 0.05}})
    write_binding(study, manifest_of("1", mutual=0.5), BEFORE, purity=0.8)
    assert "no version is accepted yet" in check_quality(study)[0]
    accept(study, current_version(study))
    assert "this is the accepted version" in check_quality(study)[0]
    write_binding(study, manifest_of("2", mutual=0.45), AFTER, purity=0.79)
    assert "not worse" in check_quality(study)[0]
    write_binding(study, manifest_of("3", mutual=0.3), AFTER, purity=0.7)
    with pytest.raises(
        GateError, match=r"purity.mean fell from 0.8 to 0.7.*quality.mutual fell from 0.5 to 0.3"
    ) as stop:
        check_quality(study)
    assert stop.value.exit_code == 1
    write_binding(study, manifest_of("4", mutual=0.5), AFTER)
    with pytest.raises(GateError, match=r"purity.mean was 0.8 and is not known any more"):
        check_quality(study)


def test_a_limit_for_a_figure_that_does_not_exist_is_told(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", report={"largest_drop": {"quality.mutaul": 0.1}})
    write_binding(study, manifest_of("1"), BEFORE)
    accept(study, current_version(study))
    write_binding(study, manifest_of("2"), AFTER)
    with pytest.raises(InputError, match=r"Did you mean 'quality.mutual'"):
        check_quality(study)

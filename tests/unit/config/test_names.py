"""Names of roles and rotations are folders: none may lead elsewhere, none may stand twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mmbind.config import Params, Rotation, load_params
from mmbind.errors import ConfigError
from tests.support import tiny_params

BAD = ["", "..", "../../x", "/x", "a/b", "a\\b", "a b", ".hidden", "1", "-a", "a\n", "ä"]


@pytest.mark.parametrize("name", BAD)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    role = {"sources": ["s"], "subjects": ["p7"], "modalities": ["acc", "mag"]}
    rotations = [{"name": name, "subjects": {"A": ["p3"], "B": ["p1"]}}]
    for params in (
        tiny_params(roles={**tiny_params()["roles"], name: role}),
        tiny_params(rotations=rotations),
    ):
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
        with pytest.raises(ConfigError, match=r"(?s)params.yaml:\d+: .*pattern") as caught:
            load_params(path)
        assert repr(name) in str(caught.value)


@given(st.text(max_size=8))
@settings(deadline=None, max_examples=50)
def test_an_accepted_name_is_one_folder(name: str) -> None:
    try:
        Rotation(name=name, subjects={})
    except ValidationError:
        return
    assert Path("a", name).parts == ("a", name)
    assert name.isascii()


def test_plain_names_are_accepted() -> None:
    roles = tiny_params()["roles"]
    roles["Old-wrist_2"] = {"sources": ["s"], "subjects": ["p7"], "modalities": ["acc", "mag"]}
    assert "Old-wrist_2" in Params.model_validate(tiny_params(roles=roles)).unlabelled_roles


def test_rotations_differ_in_name(tmp_path: Path) -> None:
    rotation = {"name": "r0", "subjects": {}}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(tiny_params(rotations=[rotation, {**rotation, "name": "r1"}, dict(rotation)])))
    with pytest.raises(ConfigError, match=r"rotations\.2\.name: 'r0' stands twice\.") as caught:
        load_params(path)
    assert caught.value.line is not None


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("evaluation", "seeds", [0, 0], "0 stands twice"),
        ("evaluation", "seeds", [], "at least 1 item"),
        ("evaluation", "seeds", [-1], "greater than or equal to 0"),
        ("evaluation", "methods", ["mim", "mim"], "mim stands twice"),
        ("evaluation", "methods", [], "at least 1 item"),
        ("training", "seed", -1, "greater than or equal to 0"),
        ("shared", "seed", -1, "greater than or equal to 0"),
    ],
)
def test_seeds_and_methods_that_make_no_sense(tmp_path: Path, section: str, key: str, value: object, said: str) -> None:
    params = tiny_params()
    params[section][key] = value
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(ConfigError, match=said) as caught:
        load_params(tmp_path / "params.yaml")
    assert caught.value.exit_code == 2


PROTOCOL = {"name": "tiny", "tasks": {"complete": ["acc", "gyro"]}, "labels": [6], "reported": ["p0"], "tuning": ["r0"]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reported": ["p9"]}, "protocol.reported: unknown rotation 'p9'"),
        ({"reported": ["p0", "p0"]}, "p0 stands twice"),
        ({"reported": ["p0", "r0"]}, "settings were chosen on the rotation 'r0'"),
        ({"tasks": {"complete": ["acc", "gyrp"]}}, "protocol.tasks.complete: unknown modality 'gyrp'"),
        ({"tasks": {"none": []}}, "the task 'none' keeps no modality"),
        ({"methods": ["mmbnd"]}, "Did you mean 'mmbind'"),
        ({"labels": []}, "protocol.labels"),
        ({"tasks": {"x-y": ["acc"], "y": ["acc"]}, "reported": ["p0", "p0-x"]}, "are both called 'p0-x-y'"),
    ],
)
def test_a_protocol_fits_its_study(tmp_path: Path, change: dict[str, object], said: str) -> None:
    rotations = [{"name": name, "subjects": {}} for name in ("r0", "p0", "p0-x")]
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(tiny_params(rotations=rotations, protocol=PROTOCOL)))
    assert len(load_params(path).protocol.methods) == 13  # type: ignore[union-attr]
    path.write_text(yaml.safe_dump(tiny_params(rotations=rotations, protocol={**PROTOCOL, **change})))
    with pytest.raises(ConfigError) as caught:
        load_params(path)
    assert said in str(caught.value)

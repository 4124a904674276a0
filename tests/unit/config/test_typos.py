"""Misspelt keys and values are named, with their line and the nearest right spelling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmbind.config import load_params
from mmbind.errors import EXIT_INPUT, ConfigError
from tests.support import tiny_params

ROTATION = {"name": "r0", "subjects": {"A": ["p3", "p4"], "B": ["p1", "p2"]}}
TYPO = "TYPO"


def _whole() -> dict[str, Any]:
    """Parameters in which every kind of section is written out; no two share an object."""
    params = tiny_params(
        archives={"s": {"file": "s.tar", "sha256": "0" * 64}},
        rotations=[ROTATION],
        binding={"partners": 1, "weight": {"kind": "log"}},
        training={**tiny_params()["training"], "augment": {"noise": 0.1}},
    )
    return json.loads(json.dumps(params))


def _refused(folder: Path, params: dict[str, Any]) -> tuple[ConfigError, str]:
    """The error, and the line of the file that it names, without the misspelling's mark."""
    path = folder / "params.yaml"
    text = yaml.safe_dump(params, sort_keys=False)
    path.write_text(text.replace(TYPO, ""))
    with pytest.raises(ConfigError) as caught:
        load_params(path)
    error = caught.value
    assert error.exit_code == EXIT_INPUT
    assert error.line is not None
    assert str(error).startswith(f"{path}:{error.line}: ")
    assert "\n" not in str(error)
    return error, text.splitlines()[error.line - 1]


def _inside(params: dict[str, Any], *location: str | int) -> Any:
    for part in location:
        params = params[part]
    return params


KEYS = [
    ("sources", "souces"),
    ("windows", "window"),
    ("compute", "compte"),
    ("training", "trainig"),
    ("archives.s.sha256", "sha265"),
    ("sources.s.reader", "raeder"),
    ("sources.s.reader.format", "fromat"),
    ("sources.s.identity.pattern", "patern"),
    ("sources.s.labels.column", "colum"),
    ("sources.s.modalities", "modalties"),
    ("sources.s.modalities.mag.unit", "unti"),
    ("sources.s.modalities.mag.clock", "clok"),
    ("sources.s.modalities.mag.clock.kind", "knd"),
    ("sources.s.modalities.mag.clock.column", "colunm"),
    ("windows.cut", "cuts"),
    ("windows.cut.kind", "kin"),
    ("windows.cut.length_s", "lenght_s"),
    ("windows.modalities.acc.steps", "step"),
    ("roles.A.modalities", "modalites"),
    ("roles.target.labels.count", "cuont"),
    ("rotations.0.subjects", "subject"),
    ("shared.schedule.epochs", "epoch"),
    ("binding.weight.kind", "kidn"),
    ("report.drawn_pairs", "drawn_pair"),
    ("training.network.features", "feature"),
    ("training.augment.noise", "noize"),
    ("evaluation.methods", "method"),
    ("evaluation.seeds", "seed"),
]
VALUES = [
    ("compute.device", "cpus", "cpu"),
    ("sources.s.reader.format", "delimted", "delimited"),
    ("sources.s.modalities.mag.unit", "guass", "gauss"),
    ("sources.s.modalities.mag.clock.kind", "bacth", "batch"),
    ("sources.s.modalities.mag.clock.unit", "mss", "ms"),
    ("windows.cut.kind", "slidng", "sliding"),
    ("roles.A.sources.0", "ss", "s"),
    ("roles.A.modalities.1", "gyroo", "gyro"),
    ("roles.target.labels.draw", "balancd", "balanced"),
    ("shared.modality", "accc", "acc"),
    ("shared.encoder", "autoencodr", "autoencoder"),
    ("binding.weight.kind", "lgo", "log"),
    ("evaluation.methods.4", "orcale", "oracle"),
]


def _location(dotted: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in dotted.split(".")]


@pytest.mark.parametrize(("dotted", "typo"), KEYS)
def test_a_misspelt_key_is_named_with_its_line(tmp_path: Path, dotted: str, typo: str) -> None:
    *above, right = _location(dotted)
    params = _whole()
    section = _inside(params, *above)
    section[TYPO + typo] = section.pop(right)
    error, line = _refused(tmp_path, params)
    named = ".".join(str(part) for part in [*above, typo])
    assert error.key == named
    assert f"unknown key {named!r}." in str(error)
    assert f"Did you mean {right!r}?" in str(error)
    assert TYPO in line


@pytest.mark.parametrize(("dotted", "typo", "right"), VALUES)
def test_a_misspelt_value_is_named_with_its_line(tmp_path: Path, dotted: str, typo: str, right: str) -> None:
    *above, last = _location(dotted)
    params = _whole()
    _inside(params, *above)[last] = TYPO + typo
    error, line = _refused(tmp_path, params)
    assert f" {typo!r}. Did you mean {right!r}?" in str(error)
    assert error.key.startswith(".".join(str(part) for part in above))
    assert TYPO in line or line.strip() == f"{above[-1]}:"


def test_a_missing_key_is_named_where_nothing_is_misspelt(tmp_path: Path) -> None:
    params = _whole()
    del params["sources"]["s"]["modalities"]["mag"]["unit"]
    error, line = _refused(tmp_path, params)
    assert "the key 'sources.s.modalities.mag.unit' is missing." in str(error)
    assert line.strip() == "mag:"
    params = _whole()
    params["windows"]["cut"] = {}
    assert "the key 'windows.cut.kind' is missing." in str(_refused(tmp_path, params)[0])


def test_a_value_where_a_section_should_stand(tmp_path: Path) -> None:
    error, line = _refused(tmp_path, {**_whole(), "windows": 4})
    assert "windows: must be a mapping (found 4)." in str(error)
    assert line == "windows: 4"


@pytest.mark.parametrize("section", ["compute", "binding", "report", "training", "evaluation"])
def test_sections_that_the_pipeline_names_must_stand(tmp_path: Path, section: str) -> None:
    params = _whole()
    del params[section]
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params))
    with pytest.raises(ConfigError, match=f"the key '{section}' is missing"):
        load_params(path)

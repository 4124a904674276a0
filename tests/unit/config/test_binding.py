"""The section ``binding``: three steps, each told by its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmbind.config import load_params
from mmbind.errors import ConfigError
from tests.support import tiny_params


def write(path: Path, **binding: Any) -> Path:
    path.write_text(yaml.safe_dump(tiny_params(binding=binding)))
    return path


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ({"candidats": 10}, r"unknown key 'binding\.candidats'.*Did you mean 'candidates'"),
        ({"rerank": {"kind": "none", "band": 3}}, r"unknown key 'binding\.rerank\.band'"),
        ({"rerank": {"kind": "dtw", "view": "gravty"}}, r"binding\.rerank\.view"),
        ({"rerank": {"band": 3}}, r"binding\.rerank"),
        ({"select": {"kind": "sinkhorn"}}, r"binding\.select\.kind"),
        ({"select": {"kind": "transport", "damping": 1.5}}, r"binding\.select\.damping"),
        ({"search": {"recall": 1.0}}, r"binding\.search\.recall"),
        ({"constraints": {"hours": 13}}, r"binding\.constraints\.hours"),
    ],
)
def test_what_no_step_understands_is_refused(tmp_path: Path, binding: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_params(write(tmp_path / "params.yaml", **binding))


def test_the_method_of_the_paper_can_be_asked_for(tmp_path: Path) -> None:
    paper = {"partners": 1, "rerank": {"kind": "none"}, "select": {"kind": "nearest"}, "weight": {"kind": "log"}}
    binding = load_params(write(tmp_path / "params.yaml", **paper)).binding
    assert (binding.rerank.kind, binding.select.kind, binding.weight.slope) == ("none", "nearest", 0.5)

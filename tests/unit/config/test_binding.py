"""The section ``binding`` holds only what pairs depend on."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mmbind.config import Binding, load_params
from mmbind.errors import ConfigError
from tests.support import tiny_params


def test_binding_has_no_key_without_effect(tmp_path: Path) -> None:
    assert set(Binding.model_fields) == {"partners", "weight"}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(tiny_params(binding={"partners": 1, "candidates": 10})))
    with pytest.raises(ConfigError, match=r"unknown key 'binding\.candidates'\. Known: partners, weight\."):
        load_params(path)

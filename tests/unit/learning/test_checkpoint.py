"""Weights and cards on disk: equal bytes, clear messages, nothing unpickled."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mmbind.errors import DataError, InputError
from mmbind.files import digest_folder
from mmbind.learning.checkpoint import load_into, read_card, save_module, work_name


def network(outputs: int = 2) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, outputs), nn.BatchNorm1d(outputs))


def test_a_module_comes_back_to_the_bit(tmp_path: Path) -> None:
    saved, loaded = network(), network()
    save_module(tmp_path / "m", saved, {"kind": "test"})
    with torch.no_grad():
        loaded[0].weight += 1
    assert load_into(tmp_path / "m", loaded) == read_card(tmp_path / "m") == {"kind": "test"}
    assert all(
        torch.equal(a, b) for a, b in zip(saved.state_dict().values(), loaded.state_dict().values(), strict=True)
    )


def test_equal_modules_give_equal_bytes(tmp_path: Path) -> None:
    save_module(tmp_path / "a", network(), {"z": 1, "a": [2]})
    save_module(tmp_path / "b", network(), {"a": [2], "z": 1})
    assert digest_folder(tmp_path / "a") == digest_folder(tmp_path / "b")


def test_missing_broken_and_foreign_models_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no model"):
        load_into(tmp_path / "none", network())
    save_module(tmp_path / "m", network(), {})
    with pytest.raises(DataError, match="does not fit the network"):
        load_into(tmp_path / "m", network(outputs=4))
    (tmp_path / "m" / "model.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(DataError, match=r"model\.safetensors: cannot be read"):
        load_into(tmp_path / "m", network())
    (tmp_path / "m" / "card.json").write_text("{")
    with pytest.raises(DataError, match=r"card\.json: cannot be read"):
        read_card(tmp_path / "m")


def test_the_name_of_a_work_folder_stands_for_every_part() -> None:
    assert work_name("train", {"seed": 0}) == work_name("train", {"seed": 0})
    assert work_name("train", {"seed": 0}) != work_name("train", {"seed": 1})

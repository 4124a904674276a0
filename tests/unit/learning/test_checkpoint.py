"""Weights and cards on disk: equal bytes, clear messages, nothing unpickled."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mmbind.errors import DataError, InputError
from mmbind.files import digest_folder, read_json, sha256_file, write_json
from mmbind.learning.checkpoint import load_into, read_card, save_module, work_name


def network(outputs: int = 2) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, outputs), nn.BatchNorm1d(outputs))


def test_a_module_comes_back_to_the_bit(tmp_path: Path) -> None:
    saved, loaded = network(), network()
    save_module(tmp_path / "m", saved, {"kind": "test"})
    with torch.no_grad():
        loaded[0].weight += 1
    card = load_into(tmp_path / "m", loaded)
    assert card == read_card(tmp_path / "m")
    assert card["kind"] == "test"
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


def test_weights_of_another_model_are_refused_with_both_digests(tmp_path: Path) -> None:
    save_module(tmp_path / "m", network(), {})
    torch.manual_seed(1)
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    save_module(tmp_path / "other", other, {})
    weights = tmp_path / "m" / "model.safetensors"
    mine = read_card(tmp_path / "m")["weights"]
    assert mine == {"file": "model.safetensors", "sha256": sha256_file(weights)}
    weights.write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    with pytest.raises(DataError, match=f"its sha256 is {sha256_file(weights)}, the card says {mine['sha256']}"):
        load_into(tmp_path / "m", network())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, r"is of format 2; this version of mmbind reads format 1"),
        ({"format": None}, r"is of format None"),
        ({"weights": None}, r"does not name the sha256 of its weights"),
    ],
)
def test_cards_of_another_format_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    save_module(tmp_path / "m", network(), {})
    write_json(tmp_path / "m" / "card.json", read_json(tmp_path / "m" / "card.json") | change)
    with pytest.raises(DataError, match=message):
        read_card(tmp_path / "m")


def test_a_card_without_a_format_is_refused(tmp_path: Path) -> None:
    save_module(tmp_path / "m", network(), {})
    write_json(tmp_path / "m" / "card.json", {"kind": "test"})
    with pytest.raises(DataError, match="names no format"):
        read_card(tmp_path / "m")


def test_the_name_of_a_work_folder_stands_for_every_part() -> None:
    assert work_name("train", {"seed": 0}) == work_name("train", {"seed": 0})
    assert work_name("train", {"seed": 0}) != work_name("train", {"seed": 1})

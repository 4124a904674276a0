"""Weights as safetensors, everything else as JSON. Nothing is ever unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmbind.errors import DataError, InputError
from mmbind.files import digest_code, digest_of, read_json, whole_folder, write_json

WEIGHTS = "model.safetensors"
CARD = "card.json"


def save_tensors(path: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Writes a folder with ``model.safetensors`` and ``card.json``, whole.

    Args:
        path: the folder; an old one is replaced.
        tensors: by name; equal tensors give equal bytes.
        card: what the tensors are, a JSON value.
    """
    with whole_folder(path) as folder:
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)
        write_json(folder / CARD, dict(card))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what :func:`save_tensors` wrote.

    Raises:
        InputError: when there is no such folder.
        DataError: when a file in it is damaged.
    """
    card = read_card(path)
    try:
        return load_file(path / WEIGHTS), card
    except SafetensorError as error:
        raise DataError(f"cannot be read: {error}.", path=path / WEIGHTS, hint="Train again.") from None


def read_card(path: Path) -> dict[str, Any]:
    """Reads the card alone, e.g. to build the network that :func:`load_into` fills.

    Raises:
        InputError: when there is no such folder.
        DataError: when the card is damaged.
    """
    if not (path / WEIGHTS).is_file() or not (path / CARD).is_file():
        raise InputError(f"{path} holds no model ({WEIGHTS}, {CARD}).")
    try:
        return dict(read_json(path / CARD))
    except (TypeError, ValueError) as error:
        raise DataError(f"cannot be read: {error}.", path=path / CARD, hint="Train again.") from None


def work_name(*parts: object) -> str:
    """A name for the folder of a piece of work's checkpoints (see ``Study.work``).

    It stands for the parts, for torch and for mmbind's own code, so that a checkpoint is
    never continued with other data, parameters or software.

    Args:
        parts: JSON values: what the work is, its parameters, digests of its inputs.
    """
    return digest_of([torch.__version__, digest_code(), *parts])[:16]


def save_module(path: Path, module: nn.Module, card: Mapping[str, Any]) -> None:
    """Writes a module's parameters and buffers, and its card, into a folder, whole."""
    save_tensors(path, module.state_dict(), card)


def load_into(path: Path, module: nn.Module) -> dict[str, Any]:
    """Fills a module of the same shape from :func:`save_module`'s folder.

    Returns:
        The card.

    Raises:
        InputError: when there is no such folder.
        DataError: when a file is damaged, or the weights belong to another network.
    """
    tensors, card = load_tensors(path)
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise DataError(f"does not fit the network: {reason}", path=path / WEIGHTS, hint="Train again.") from None
    return card

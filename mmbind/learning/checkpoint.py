"""Weights as safetensors, everything else as JSON. Nothing is ever unpickled.

The card beside the weights names their SHA-256 and the format of the folder, so that a card is
never believed beside the weights of another model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmbind.errors import DataError, InputError
from mmbind.files import digest_code, digest_of, read_json, sha256_file, whole_folder, write_json

WEIGHTS = "model.safetensors"
CARD = "card.json"
#: Version of the folder's layout; a card says which one it is.
FORMAT = 1


def save_tensors(path: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Writes a folder with ``model.safetensors`` and ``card.json``, whole.

    Args:
        path: the folder; an old one is replaced.
        tensors: by name; equal tensors give equal bytes.
        card: what the tensors are, a JSON value; ``format`` and ``weights`` are added.
    """
    with whole_folder(path) as folder:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)
        told = {"format": FORMAT, "weights": {"file": WEIGHTS, "sha256": sha256_file(folder / WEIGHTS)}}
        write_json(folder / CARD, {**card, **told})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what :func:`save_tensors` wrote.

    Raises:
        InputError: when there is no such folder.
        DataError: when a file in it is damaged, or the weights are not those of the card.
    """
    card = read_card(path)
    try:
        tensors = load_file(path / WEIGHTS)
    except SafetensorError as error:
        raise DataError(f"cannot be read: {error}.", path=path / WEIGHTS, hint="Train again.") from None
    stated, found = card["weights"]["sha256"], sha256_file(path / WEIGHTS)
    if stated != found:
        raise DataError(
            f"is not the file that {CARD} describes: its sha256 is {found}, the card says {stated}.",
            path=path / WEIGHTS,
            hint="Bring both files from the same model, or train again.",
        )
    return tensors, card


def read_card(path: Path) -> dict[str, Any]:
    """Reads the card alone, e.g. to build the network that :func:`load_into` fills.

    Raises:
        InputError: when there is no such folder.
        DataError: when the card is damaged, or of a format that this version does not read.
    """
    if not (path / WEIGHTS).is_file() or not (path / CARD).is_file():
        raise InputError(f"{path} holds no model ({WEIGHTS}, {CARD}).")
    try:
        card = dict(read_json(path / CARD))
    except (TypeError, ValueError) as error:
        raise DataError(f"cannot be read: {error}.", path=path / CARD, hint="Train again.") from None
    if card.get("format") != FORMAT:
        stated = f"is of format {card['format']!r}" if "format" in card else "names no format"
        raise DataError(
            f"{stated}; this version of mmbind reads format {FORMAT}.",
            path=path / CARD,
            hint="Train again, or use the version of mmbind that wrote it.",
        )
    if not isinstance(card.get("weights"), dict) or "sha256" not in card["weights"]:
        raise DataError("does not name the sha256 of its weights.", path=path / CARD, hint="Train again.")
    return card


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

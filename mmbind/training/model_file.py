"""A trained model on disk: weights as safetensors, the rest in ``card.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmbind.config import Network
from mmbind.errors import DataError
from mmbind.learning.checkpoint import CARD, load_into, read_card, save_module
from mmbind.learning.scaling import Scaler
from mmbind.training.model import TrainedModel
from mmbind.training.network import MultimodalModel
from mmbind.windows.store import ModalitySpec


def save_model(path: Path, trained: TrainedModel, about: Mapping[str, Any]) -> None:
    """Writes ``model.safetensors`` and ``card.json`` into a folder, whole.

    Args:
        path: the folder.
        trained: what to write.
        about: more for the card, a JSON value: where the model came from.
    """
    card = {
        **about,
        "classes": trained.classes,
        "losses": trained.losses,
        "modalities": {name: asdict(spec) for name, spec in trained.modalities.items()},
        "network": trained.network.model_dump(),
        "temperature": trained.temperature,
    }
    save_module(path, trained.model, card)


def load_model(path: Path) -> TrainedModel:
    """Reads what :func:`save_model` wrote; the model predicts the same to the bit.

    Raises:
        InputError: when there is no such model.
        DataError: when a file of it is damaged, or card and weights disagree.
    """
    card = read_card(path)
    try:
        modalities = {name: ModalitySpec(**spec) for name, spec in card["modalities"].items()}
        network, classes, losses = Network(**card["network"]), list(card["classes"]), dict(card["losses"])
        temperature = float(card.get("temperature", 1.0))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"is no card of a multimodal model: {error}.", path=path / CARD, hint="Train again.") from None
    if not 0 < temperature < math.inf:
        raise DataError(f"states a temperature of {temperature}.", path=path / CARD, hint="Train again.")
    scalers = {name: Scaler.identity(len(spec.channels)) for name, spec in modalities.items()}
    model = MultimodalModel(modalities, len(classes), network, scalers)
    load_into(path, model)
    return TrainedModel(model.eval(), modalities, network, classes, losses, temperature)

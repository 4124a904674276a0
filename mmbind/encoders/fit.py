"""The stage fit-shared: one encoder per shared modality, from all unlabelled roles."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmbind.encoders.model import fit_model
from mmbind.encoders.registry import ENCODERS
from mmbind.encoders.shared import SharedWindows
from mmbind.encoders.spaces import SOLE, open_spaces
from mmbind.encoders.store import index_digest
from mmbind.encoders.third_party import version_of
from mmbind.files import remove_others
from mmbind.learning.checkpoint import save_module, work_name
from mmbind.learning.compute import deterministic
from mmbind.study import Study


@dataclass(frozen=True)
class FitSharedSummary:
    """What fit-shared did.

    Attributes:
        cards: as written to each space's ``card.json``, by key.
    """

    cards: dict[str, dict[str, Any]]

    @property
    def card(self) -> dict[str, Any]:
        """The card of the first space, which is the only one where there is one shared modality."""
        return next(iter(self.cards.values()))

    def lines(self) -> list[str]:
        """Windows per role and how the loss fell, space by space."""
        return [line for key, card in self.cards.items() for line in _lines(key, card)]


def fit_shared_encoder(study: Study) -> FitSharedSummary:
    """Fits the encoder of the shared modality on all unlabelled windows that have it.

    Modalities that are fused with it have an encoder each, of the same kind. Writes
    ``study.model("shared")``: ``model.safetensors`` (all state, scaler and alignment of the
    sources included) and ``card.json``. Where the study names several shared modalities, every
    space (:mod:`mmbind.encoders.spaces`) has such a folder in it, and its own encoders. A killed
    run resumes from its last checkpoint and ends in the same bytes.

    Args:
        study: the study; only the stores of its unlabelled roles are opened.

    Returns:
        The summary.

    Raises:
        MissingStageError: before assign.
        InputError: when the roles cannot be compared by the shared modality, or a window
            holds NaN.
    """
    spaces = open_spaces(study)
    cards = {key: _fit(study, key, windows) for key, windows in spaces.items()}
    if SOLE not in spaces:
        remove_others(study.model("shared"), spaces)
    return FitSharedSummary(cards)


def _fit(study: Study, key: str, windows: SharedWindows) -> dict[str, Any]:
    """Fits and writes the model of one space; returns its card."""
    shared, compute = windows.shared, study.params.compute.on_cpu
    usable = {role: windows.usable(role) for role in windows.stores}
    recorded = {
        modality: np.concatenate([windows.recorded(role, modality, at) for role, at in usable.items()])
        for modality in shared.modalities
    }
    card: dict[str, Any] = {
        "shared": shared.model_dump(),
        "compute": compute.model_dump(),
        "specs": {modality: asdict(spec) for modality, spec in windows.specs.items()},
        "sources": windows.sources,
        "windows": {role: len(at) for role, at in usable.items()},
        "inputs": {role: index_digest(store) for role, store in windows.stores.items()},
        "signals": {modality: hashlib.sha256(each.tobytes()).hexdigest() for modality, each in recorded.items()},
        "package": [] if shared.encoder in ENCODERS else version_of(shared.encoder),
    }
    # rotations with the same unlabelled people fit the same encoder, perhaps side by side
    place = os.path.relpath(study.model("shared", key), study.root)
    work = study.work(work_name("fit-shared", place, card))
    deterministic(compute, shared.seed)
    model, card["losses"] = fit_model(windows, recorded, work)
    save_module(study.model("shared", key), model, card)
    shutil.rmtree(work, ignore_errors=True)
    return card


def _lines(key: str, card: dict[str, Any]) -> list[str]:
    """One space: windows per role and how the loss fell."""
    windows = ", ".join(f"{role} {count}" for role, count in card["windows"].items())
    shared, space = card["shared"], f"{key}: " if key else ""
    lines = []
    for modality in [shared["modality"], *sorted(shared["fused"])]:
        losses = card["losses"].get(modality)
        course = f", loss {losses[0]:.4f} -> {losses[-1]:.4f} in {len(losses)} epochs" if losses else ""
        about = f"{shared['encoder']} of {modality} ({shared['representation']})"
        lines.append(f"{space}{about}: windows {windows}{course}")
    return lines

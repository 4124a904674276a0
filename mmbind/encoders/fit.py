"""The stage fit-shared: one encoder of the shared modality, from all unlabelled roles."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmbind.encoders.registry import build_encoder
from mmbind.encoders.shared import gather_finite, open_unlabelled
from mmbind.encoders.store import index_digest
from mmbind.learning.checkpoint import save_module, work_name
from mmbind.learning.compute import deterministic
from mmbind.study import Study


@dataclass(frozen=True)
class FitSharedSummary:
    """What fit-shared did.

    Attributes:
        card: as written to ``card.json``.
    """

    card: dict[str, Any]

    def lines(self) -> list[str]:
        """Windows per role and how the loss fell."""
        windows = ", ".join(f"{role} {count}" for role, count in self.card["windows"].items())
        losses = self.card["losses"]
        course = f", loss {losses[0]:.4f} -> {losses[-1]:.4f} in {len(losses)} epochs" if losses else ""
        return [f"{self.card['shared']['encoder']} of {self.card['shared']['modality']}: windows {windows}{course}"]


def fit_shared_encoder(study: Study) -> FitSharedSummary:
    """Fits the encoder of the shared modality on all unlabelled windows that have it.

    Writes ``study.model("shared")``: ``model.safetensors`` (all state, scaler included) and
    ``card.json``. A killed run resumes from its last checkpoint and ends in the same bytes.

    Args:
        study: the study; only the stores of its unlabelled roles are opened.

    Returns:
        The summary.

    Raises:
        MissingStageError: before assign.
        InputError: when the roles cannot be compared by the shared modality, or a window
            holds NaN.
    """
    shared, compute = study.params.shared, study.params.compute
    stores = open_unlabelled(study)
    parts = {
        role: gather_finite(store, shared.modality, np.flatnonzero(store.present(shared.modality)))
        for role, store in stores.items()
    }
    signals = np.concatenate(list(parts.values()))
    spec = next(iter(stores.values())).modalities[shared.modality]
    card: dict[str, Any] = {
        "shared": shared.model_dump(),
        "compute": compute.model_dump(),
        "spec": asdict(spec),
        "windows": {role: len(part) for role, part in parts.items()},
        "inputs": {role: index_digest(store) for role, store in stores.items()},
        "signals": hashlib.sha256(signals.tobytes()).hexdigest(),
    }
    work = study.work(work_name("fit-shared", card))
    deterministic(compute, shared.seed)
    encoder = build_encoder(spec, shared)
    card["losses"] = encoder.learn(signals, work)
    save_module(study.model("shared"), encoder, card)
    shutil.rmtree(work, ignore_errors=True)
    return FitSharedSummary(card)

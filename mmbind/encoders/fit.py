"""The stage fit-shared: one encoder per shared modality, from all unlabelled roles."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmbind.encoders.model import fit_model
from mmbind.encoders.registry import ENCODERS
from mmbind.encoders.shared import SharedWindows
from mmbind.encoders.store import index_digest
from mmbind.encoders.third_party import version_of
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
        shared = self.card["shared"]
        lines = []
        for modality in [shared["modality"], *sorted(shared["fused"])]:
            losses = self.card["losses"].get(modality)
            course = f", loss {losses[0]:.4f} -> {losses[-1]:.4f} in {len(losses)} epochs" if losses else ""
            lines.append(f"{shared['encoder']} of {modality} ({shared['representation']}): windows {windows}{course}")
        return lines


def fit_shared_encoder(study: Study) -> FitSharedSummary:
    """Fits the encoder of the shared modality on all unlabelled windows that have it.

    Modalities that are fused with it have an encoder each, of the same kind. Writes
    ``study.model("shared")``: ``model.safetensors`` (all state, scaler and alignment of the
    sources included) and ``card.json``. A killed run resumes from its last checkpoint and ends in the same bytes.

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
    windows = SharedWindows.open(study)
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
    work = study.work(work_name("fit-shared", card))
    deterministic(compute, shared.seed)
    model, card["losses"] = fit_model(windows, recorded, work)
    save_module(study.model("shared"), model, card)
    shutil.rmtree(work, ignore_errors=True)
    return FitSharedSummary(card)

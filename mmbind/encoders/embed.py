"""The stage embed: unit vectors of the shared modality for every unlabelled window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmbind.encoders.base import SharedEncoder
from mmbind.encoders.registry import build_encoder
from mmbind.encoders.shared import NO_SHARED, gather_finite, open_unlabelled
from mmbind.encoders.store import Vectors, index_digest, write_embeddings
from mmbind.errors import InputError, MissingStageError
from mmbind.files import digest_folder, read_json, whole_folder
from mmbind.learning.checkpoint import load_into
from mmbind.learning.compute import deterministic
from mmbind.progress import progress
from mmbind.study import Study
from mmbind.windows.store import ModalitySpec, Positions, WindowStore

#: Windows that pass the encoder together: 128 to 256 is the fastest on CPUs.
MICRO_BATCH = 256


@dataclass(frozen=True)
class EmbedSummary:
    """What embed did.

    Attributes:
        manifests: as written to each role's ``manifest.json``.
    """

    manifests: dict[str, dict[str, Any]]

    def lines(self) -> list[str]:
        """Windows embedded and refused per role."""
        lines = []
        for role, manifest in self.manifests.items():
            counts = manifest["counts"]
            refused = "".join(f", {count} refused ({reason})" for reason, count in counts["refused"].items())
            lines.append(f"{role}: {counts['embedded']}/{counts['windows']} windows embedded{refused}")
        return lines


def embed(study: Study) -> EmbedSummary:
    """Embeds the shared modality of every unlabelled window and writes ``study.embeddings``.

    Vectors are float32 of length 1. Windows without the shared modality are counted as
    refused. Embeddings of roles that are no longer named are removed.

    Args:
        study: the study; only the stores of its unlabelled roles are opened.

    Returns:
        The summary.

    Raises:
        MissingStageError: before assign or fit-shared.
        InputError: when the encoder was fitted with other parameters, the roles cannot be
            compared, or a window's signal or embedding cannot be used.
    """
    shared = study.params.shared
    stores = open_unlabelled(study)
    deterministic(study.params.compute, shared.seed)
    encoder = _load_encoder(study, next(iter(stores.values())).modalities[shared.modality])
    identity = digest_folder(study.model("shared"))
    manifests: dict[str, dict[str, Any]] = {}
    for role, store in stores.items():
        positions = np.flatnonzero(store.present(shared.modality))
        lacking = len(store) - len(positions)
        manifest = {
            "role": role,
            "modality": shared.modality,
            "encoder": identity,
            "role_index": index_digest(store),
            "counts": {
                "windows": len(store),
                "embedded": len(positions),
                "refused": {NO_SHARED: lacking} if lacking else {},
            },
        }
        with whole_folder(study.embeddings(role)) as folder:
            windows = [store.ids[position] for position in positions]
            batches = _encode(encoder, store, shared.modality, positions, f"embed {role}: batches")
            write_embeddings(folder, windows, batches, shared.dimensions, manifest)
        manifests[role] = manifest
    for old in study.embeddings("").iterdir():
        if old.is_dir() and old.name not in stores:
            shutil.rmtree(old)
    return EmbedSummary(manifests)


def _load_encoder(study: Study, spec: ModalitySpec) -> SharedEncoder:
    """The fitted encoder, after a look at what it was fitted for."""
    path, shared = study.model("shared"), study.params.shared
    if not (path / "card.json").is_file():
        raise MissingStageError(path, "fit-shared")
    card = read_json(path / "card.json")
    if card["shared"] != shared.model_dump() or ModalitySpec(**card["spec"]) != spec:
        raise InputError(
            f"{path} was fitted with other parameters or for other windows.",
            hint="Run the stage 'fit-shared' again (dvc repro fit-shared).",
        )
    encoder = build_encoder(spec, shared)
    load_into(path, encoder)
    return encoder.eval()


def _encode(
    encoder: SharedEncoder, store: WindowStore, modality: str, positions: Positions, what: str
) -> Iterator[Vectors]:
    """Unit vectors of some windows, batch by batch."""
    batches = range(0, len(positions), MICRO_BATCH)
    for start in progress(batches, what):
        signals = gather_finite(store, modality, positions[start : start + MICRO_BATCH])
        with torch.inference_mode():
            vectors = encoder(torch.from_numpy(signals)).numpy().astype(np.float64)
        lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
        yield (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)

"""The stage embed: unit vectors of the shared modality for every unlabelled window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmbind.encoders.model import MICRO_BATCH, SharedModel
from mmbind.encoders.shared import SharedWindows, gather_finite
from mmbind.encoders.spaces import SOLE, open_spaces
from mmbind.encoders.store import Vectors, check_unit, index_digest, write_embeddings
from mmbind.errors import InputError, MissingStageError
from mmbind.files import digest_folder, read_json, remove_others, whole_folder
from mmbind.learning.checkpoint import load_into
from mmbind.learning.compute import deterministic
from mmbind.learning.memory import keep_freed_memory
from mmbind.progress import progress
from mmbind.study import Study
from mmbind.windows.store import Positions, WindowStore


@dataclass(frozen=True)
class EmbedSummary:
    """What embed did.

    Attributes:
        manifests: as written to each role's ``manifest.json``, by role; where the study has
            several spaces, by role and space, e.g. ``A by acc``.
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

    Vectors are float32 of length 1. Windows without the shared modality, or without
    one that is fused with it, are counted as refused. Where the study names several shared
    modalities, a role has embeddings in each of its spaces. Embeddings of roles that are no
    longer named are removed.

    Args:
        study: the study; only the stores of its unlabelled roles are opened.

    Returns:
        The summary.

    Raises:
        MissingStageError: before assign or fit-shared.
        InputError: when the encoder was fitted with other parameters, the roles cannot be
            compared, or a window's signal or embedding cannot be used.
    """
    manifests: dict[str, dict[str, Any]] = {}
    spaces = open_spaces(study)
    for key, windows in spaces.items():
        manifests |= {(f"{role} by {key}" if key else role): told for role, told in _embed(study, key, windows).items()}
    roles = {role for windows in spaces.values() for role in windows.stores}
    remove_others(study.embeddings(""), roles)
    if SOLE not in spaces:
        for role in roles:
            remove_others(study.embeddings(role), [key for key, windows in spaces.items() if role in windows.stores])
    return EmbedSummary(dict(sorted(manifests.items())))


def _embed(study: Study, key: str, windows: SharedWindows) -> dict[str, dict[str, Any]]:
    """Embeds the roles of one space; returns their manifests."""
    shared = windows.shared
    deterministic(study.params.compute, shared.seed)
    keep_freed_memory()
    model = _load_model(study.model("shared", key), windows)
    identity = digest_folder(study.model("shared", key))
    manifests: dict[str, dict[str, Any]] = {}
    for role, store in windows.stores.items():
        positions = windows.usable(role)
        manifest = {
            "role": role,
            "modality": shared.modality,
            "fused": shared.fused,
            "align": shared.align,
            "encoder": identity,
            "role_index": index_digest(store),
            "counts": {"windows": len(store), "embedded": len(positions), "refused": windows.refused(role)},
        }
        with whole_folder(study.embeddings(role, key)) as folder:
            ids = [store.ids[position] for position in positions]
            batches = _embed_batches(model, windows, role, positions)
            write_embeddings(folder, ids, batches, model.dimensions, manifest)
        manifests[role] = manifest
    return manifests


def embed_others(study: Study, key: str, windows: SharedWindows, store: WindowStore, positions: Positions) -> Vectors:
    """Unit vectors of windows of a role that the encoder was not fitted on; nothing is written.

    Args:
        study: the study.
        key: of the space.
        windows: its unlabelled roles.
        store: the other role's windows, comparable with theirs.
        positions: which of them (n); they hold all modalities of the space.

    Returns:
        float32 (n, dimensions). The state of torch's random generator is as before.

    Raises:
        MissingStageError: before fit-shared.
        InputError: when the encoder was fitted with other parameters, sources are aligned and a window
            is of another one than the roles', or its signal or embedding cannot be used.
    """
    number = {source: position for position, source in enumerate(windows.sources)}
    sources = store.index["source"][positions].to_list()
    if windows.shared.align != "none" and (unknown := sorted(set(sources) - set(number))):
        raise InputError(
            f"shared.align: {windows.shared.align} was fitted on the sources {', '.join(number)}; windows of "
            f"{', '.join(unknown)} cannot be compared with theirs.",
            hint="Set shared.align to none.",
        )
    numbers = np.array([number.get(source, 0) for source in sources], dtype=np.int64)
    with torch.random.fork_rng(devices=[]):
        deterministic(study.params.compute, windows.shared.seed)
        model = _load_model(study.model("shared", key), windows)
    parts = []
    for start in range(0, len(positions), MICRO_BATCH):
        batch = positions[start : start + MICRO_BATCH]
        seen = [windows.seen(gather_finite(store, name, batch), name) for name in model.modalities]
        parts.append(model(seen, torch.from_numpy(numbers[start : start + MICRO_BATCH])).numpy().astype(np.float32))
    vectors: Vectors = np.concatenate(parts) if parts else np.zeros((0, model.dimensions), dtype=np.float32)
    check_unit([store.ids[position] for position in positions], vectors, store.path)
    return vectors


def _load_model(path: Path, windows: SharedWindows) -> SharedModel:
    """The fitted model, after a look at what it was fitted for."""
    if not (path / "card.json").is_file():
        raise MissingStageError(path, "fit-shared")
    card = read_json(path / "card.json")
    specs = {modality: asdict(spec) for modality, spec in windows.specs.items()}
    wanted = {"shared": windows.shared.model_dump(), "specs": specs, "sources": windows.sources}
    if any(card.get(name) != value for name, value in wanted.items()):
        raise InputError(
            f"{path} was fitted with other parameters or for other windows.",
            hint="Run the stage 'fit-shared' again (dvc repro fit-shared).",
        )
    model = SharedModel(windows)
    load_into(path, model)
    return model.eval()


def _embed_batches(model: SharedModel, windows: SharedWindows, role: str, positions: Positions) -> Iterator[Vectors]:
    """Unit vectors of some windows, batch by batch."""
    for start in progress(range(0, len(positions), MICRO_BATCH), f"embed {role}: batches"):
        batch = positions[start : start + MICRO_BATCH]
        seen = [windows.seen(windows.recorded(role, name, batch), name) for name in model.modalities]
        yield model(seen, torch.from_numpy(windows.source_numbers(role, batch))).numpy().astype(np.float32)

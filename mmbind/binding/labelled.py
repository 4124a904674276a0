"""Labelled windows of the target, whose pairs are known to be right or wrong.

Where ``binding.weight.by`` is ``labelled`` they tell what a score is worth: every one of them is
compared with those of all other people, as an anchor is with its candidates, and its best match
is right when both have the same label (:func:`mmbind.binding.calibration.by_labels`). The target
is not embedded by the stage embed, so they are embedded here, by the encoder that the anchors'
embeddings name: whatever changes it changes those, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mmbind.binding.plan import Party
from mmbind.config import TARGET, Binding
from mmbind.config.shared import LABEL
from mmbind.encoders.embed import embed_others
from mmbind.encoders.shared import SharedWindows, check_comparable, gather_finite, present
from mmbind.encoders.spaces import SOLE, open_spaces
from mmbind.errors import InputError
from mmbind.files import digest_folder
from mmbind.study import Study
from mmbind.windows.store import WindowStore

#: At most so many windows are compared with each other: the first by their ids, which are digests.
MOST = 2_000
#: Fewer labelled windows or people tell nothing.
LEAST_WINDOWS, LEAST_PEOPLE = 8, 2


@dataclass(frozen=True)
class Witnesses:
    """Labelled windows in one space, sorted by id.

    Attributes:
        windows: their ids (n).
        labels: of each (n).
        people: source and subject of each (n).
        vectors: embeddings, float32 (n, dimensions).
        signals: per shared modality, the windows, float32 (n, steps, channels).
    """

    windows: list[str]
    labels: list[str]
    people: list[str]
    vectors: npt.NDArray[np.float32]
    signals: list[npt.NDArray[np.float32]]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of everything that is read of them."""
        told = hashlib.sha256(
            "\n".join("\t".join(each) for each in zip(self.windows, self.labels, self.people, strict=True)).encode()
        )
        for values in (self.vectors, *self.signals):
            told.update(f"\n{values.shape}\n".encode() + np.ascontiguousarray(values).tobytes())
        return told.hexdigest()


def gather_witnesses(study: Study, spaces: Mapping[str, Mapping[str, Party]], config: Binding) -> dict[str, Witnesses]:
    """The target's labelled windows by space, where probabilities are asked of them; else nothing is opened.

    Args:
        study: a study whose windows are embedded.
        spaces: the unlabelled roles with their embeddings, by the key of the space.
        config: the rules.

    Raises:
        MissingStageError: before assign or fit-shared.
        InputError: when the target lacks what windows are compared by, its labelled windows are too few, of one
            person or of no common class, or the encoder is not that of the embeddings.
    """
    probable = config.weight.kind == "calibrated" or SOLE not in spaces
    if config.weight.by != "labelled" or not probable:
        return {}
    store = WindowStore.open(study.role(TARGET), stage="assign")
    return {
        key: _gather(study, key, windows, store, next(iter(spaces[key].values())))
        for key, windows in open_spaces(study).items()
    }


def _gather(study: Study, key: str, windows: SharedWindows, store: WindowStore, party: Party) -> Witnesses:
    """The labelled windows in one space."""
    modalities = windows.shared.modalities
    _check_modalities(windows, store)
    known = np.logical_and.reduce([present(store, LABEL), *(present(store, name) for name in modalities)])
    positions = np.flatnonzero(known)[:MOST]
    index = store.index[positions]
    people = (index["source"] + "/" + index["subject"]).to_list()
    labels = index["label"].to_list()
    _check_enough(labels, people, " and ".join(modalities))
    model = study.model("shared", key)
    if (stated := party.embeddings.manifest["encoder"]) != (digest_folder(model) if model.is_dir() else ""):
        raise InputError(
            f"binding.weight.by: labelled needs the encoder that made the embeddings ({stated[:12]}); {model} "
            f"{'holds another' if model.is_dir() else 'is missing'}.",
            hint="Run the stage 'embed' again (dvc repro embed), or fetch the model (dvc pull fit-shared).",
        )
    vectors = embed_others(study, key, windows, store, positions)
    signals = [gather_finite(store, name, positions) for name in modalities]
    return Witnesses(index["window"].to_list(), labels, people, vectors, signals)


def _check_modalities(windows: SharedWindows, store: WindowStore) -> None:
    """Refuses a target that cannot be compared as the unlabelled roles are."""
    role, first = next(iter(windows.stores.items()))
    for name in windows.shared.modalities:
        if name not in store.modalities:
            raise InputError(
                f"binding.weight.by: labelled compares the target's windows by {name!r}, which the target does not "
                f"have (it has: {', '.join(sorted(store.modalities)) or 'none'}).",
                hint=f"Add {name!r} to roles.{TARGET}.modalities, or set binding.weight.by to cycles.",
            )
        check_comparable({role: first, TARGET: store}, name)


def _check_enough(labels: list[str], people: list[str], modalities: str) -> None:
    """Refuses labelled windows that tell nothing."""
    owners = len(set(people))
    told = {label: {person for person, other in zip(people, labels, strict=True) if other == label} for label in labels}
    hint = (
        f"Raise roles.{TARGET}.labels.count, add people to roles.{TARGET}.subjects, or set binding.weight.by to cycles."
    )
    if len(labels) < LEAST_WINDOWS or owners < LEAST_PEOPLE:
        raise InputError(
            f"binding.weight.by: labelled needs at least {LEAST_WINDOWS} labelled windows of {LEAST_PEOPLE} people in "
            f"the target that hold {modalities}; there are {len(labels)} of {owners}.",
            hint=hint,
        )
    if all(len(each) < LEAST_PEOPLE for each in told.values()):
        raise InputError(
            "binding.weight.by: labelled compares windows of different people, and no two people of the target show "
            f"the same label ({len(labels)} labelled windows of {owners} people, {len(told)} labels).",
            hint=hint,
        )

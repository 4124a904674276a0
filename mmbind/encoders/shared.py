"""The shared modality of the unlabelled roles: what they can be compared by."""

from __future__ import annotations

import numpy as np

from mmbind.errors import InputError
from mmbind.study import Study
from mmbind.windows.store import Positions, Signals, WindowStore

#: Why a window cannot be embedded, nor be an anchor or a partner.
NO_SHARED = "lacks the shared modality"


def open_unlabelled(study: Study) -> dict[str, WindowStore]:
    """Opens the unlabelled roles and checks that the shared modality can compare them.

    Args:
        study: the study; only the stores of its unlabelled roles are opened.

    Returns:
        Their window stores by role name, sorted by name.

    Raises:
        MissingStageError: before assign.
        InputError: for an empty role, a role without the shared modality, or windows whose
            steps or channels differ between roles.
    """
    stores = {role: WindowStore.open(study.role(role), stage="assign") for role in study.params.unlabelled_roles}
    modality = study.params.shared.modality
    for role, store in stores.items():
        if modality not in store.modalities:
            has = ", ".join(sorted(store.modalities)) or "none"
            raise InputError(
                f"The role {role!r} does not have the shared modality {modality!r} (it has: {has}).",
                hint="Choose another shared.modality, or add it to the role's modalities.",
            )
        if not len(store):
            raise InputError(
                f"The role {role!r} has no windows.",
                hint="Look at its sources and subjects in params.yaml, and at what ingest and window refused.",
            )
        if not store.present(modality).any():
            raise InputError(
                f"No window of the role {role!r} holds the shared modality {modality!r}.",
                hint="Look at data/windows/<source>/manifest.json for what window refused.",
            )
    first, *others = stores
    for role in others:
        _check_comparable(modality, first, stores[first], role, stores[role])
    return stores


def _check_comparable(modality: str, first: str, left: WindowStore, second: str, right: WindowStore) -> None:
    """Refuses windows of two roles that cannot be compared channel by channel."""
    one, other = left.modalities[modality], right.modalities[modality]
    for name in ("steps", "channels", "unit"):
        here, there = getattr(one, name), getattr(other, name)
        if here != there:
            raise InputError(
                f"The windows of {modality!r} differ in {name}: {here} in the role {first!r}, "
                f"{there} in the role {second!r}.",
                hint="Cut all sources on the same grid (dvc repro window).",
            )


def gather_finite(store: WindowStore, modality: str, positions: Positions) -> Signals:
    """Signals of some windows, float32 (n, steps, channels) in SI units, all finite.

    Raises:
        InputError: for a window that holds NaN or infinity.
    """
    signals = store.gather(modality, positions)
    bad = np.flatnonzero(~np.isfinite(signals).all(axis=(1, 2)))
    if len(bad):
        window = store.ids[int(positions[bad[0]])]
        more = f" ({len(bad) - 1} more)" if len(bad) > 1 else ""
        raise InputError(
            f"{store.path}: {modality!r} of the window {window!r} holds NaN or infinity{more}.",
            hint="Run the stages from validate on again.",
        )
    return signals

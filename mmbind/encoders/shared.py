"""The shared modality of the unlabelled roles: what they can be compared by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mmbind.config import Shared
from mmbind.config.shared import LABEL
from mmbind.encoders.labels import label_signals, label_spec
from mmbind.encoders.representations import REPRESENTATIONS
from mmbind.errors import InputError
from mmbind.study import Study
from mmbind.windows.store import ModalitySpec, Positions, Signals, WindowStore

#: Why a window cannot be embedded, nor be an anchor or a partner.
NO_SHARED = "lacks the shared modality"
NO_FUSED = "lacks a fused modality"


@dataclass(frozen=True)
class SharedWindows:
    """The unlabelled roles' windows as the encoder sees them.

    Attributes:
        shared: the section ``shared``.
        stores: window stores by role, sorted by name.
        specs: what each shared modality's windows hold as recorded.
        views: the same in the representation that the study names.
        limit: usable windows per role, at most; 0 for all.
    """

    shared: Shared
    stores: dict[str, WindowStore]
    specs: dict[str, ModalitySpec]
    views: dict[str, ModalitySpec]
    limit: int = 0

    @classmethod
    def open(cls, study: Study) -> SharedWindows:
        """Opens the unlabelled roles of a study; see :func:`open_unlabelled` for what is refused."""
        return cls.of(study.params.shared, open_unlabelled(study))

    @classmethod
    def of(cls, shared: Shared, stores: dict[str, WindowStore], limit: int = 0) -> SharedWindows:
        """Looks at stores that can be compared; ``limit`` windows of each, where it is not 0."""
        specs = {}
        for modality in shared.modalities:
            if modality == LABEL:
                specs[LABEL] = label_spec(_classes(stores))
            else:
                specs[modality] = next(iter(stores.values())).modalities[modality]
        return cls(shared, stores, specs, {name: _view(spec, name, shared) for name, spec in specs.items()}, limit)

    @property
    def sources(self) -> list[str]:
        """Sources of the windows, sorted."""
        return sorted(set().union(*(store.index["source"].unique() for store in self.stores.values())))

    def usable(self, role: str) -> Positions:
        """Store positions of a role's windows that have all shared modalities.

        Where there are more than the limit, the first: windows are sorted by their ids, which
        are digests, so the first are a fair sample.
        """
        having = [present(self.stores[role], modality) for modality in self.shared.modalities]
        found = np.flatnonzero(np.logical_and.reduce(having))
        return found[: self.limit] if self.limit else found

    def refused(self, role: str) -> dict[str, int]:
        """A role's other windows, counted by reason."""
        store = self.stores[role]
        lacking = len(store) - int(present(store, self.shared.modality).sum())
        counts = {NO_SHARED: lacking, NO_FUSED: len(store) - lacking - len(self.usable(role))}
        return {reason: count for reason, count in counts.items() if count}

    def recorded(self, role: str, modality: str, positions: Positions) -> Signals:
        """Windows as recorded, float32 (n, steps, channels), SI units.

        Raises:
            InputError: for a window that holds NaN or infinity.
        """
        store = self.stores[role]
        if modality != LABEL:
            return gather_finite(store, modality, positions)
        index = store.index[positions]
        labels = index["label"].to_list()
        return label_signals(index["window"].to_list(), labels, _classes(self.stores), self.shared.seed)

    def seen(self, recorded: Signals, modality: str) -> Signals:
        """Recorded windows in the representation that the study names, float32 (n, steps, views)."""
        return recorded if modality == LABEL else REPRESENTATIONS[self.shared.representation](recorded)

    def source_numbers(self, role: str, positions: Positions) -> npt.NDArray[np.int64]:
        """Position in :attr:`sources` of each window's source."""
        number = {source: position for position, source in enumerate(self.sources)}
        return np.array([number[source] for source in self.stores[role].index["source"][positions]], dtype=np.int64)


def open_unlabelled(study: Study) -> dict[str, WindowStore]:
    """Opens the unlabelled roles and checks that the shared modalities can compare them.

    Args:
        study: the study; only the stores of its unlabelled roles are opened.

    Returns:
        Their window stores by role name, sorted by name.

    Raises:
        MissingStageError: before assign.
        InputError: for an empty role, a role without a shared modality, or windows whose
            steps or channels differ between roles.
    """
    stores = {role: WindowStore.open(study.role(role), stage="assign") for role in study.params.unlabelled_roles}
    for modality in study.params.shared.modalities:
        _check(stores, modality)
    return stores


def present(store: WindowStore, modality: str) -> npt.NDArray[np.bool_]:
    """Whether each window has a modality, or a label, shape (windows,)."""
    return store.index["label"].is_not_null().to_numpy() if modality == LABEL else store.present(modality)


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


def check_not_empty(stores: Mapping[str, WindowStore]) -> None:
    """Refuses roles without windows."""
    for role, store in stores.items():
        if not len(store):
            raise InputError(
                f"The role {role!r} has no windows.",
                hint="Look at its sources and subjects in params.yaml, and at what ingest and window refused.",
            )


def check_comparable(stores: Mapping[str, WindowStore], modality: str) -> None:
    """Refuses roles whose windows of a modality cannot be compared channel by channel."""
    first, *others = stores
    for role in others:
        _check_pair(modality, first, stores[first], role, stores[role])


def _check(stores: dict[str, WindowStore], modality: str) -> None:
    """Refuses roles that a modality cannot compare."""
    for role, store in stores.items():
        if modality != LABEL and modality not in store.modalities:
            has = ", ".join(sorted(store.modalities)) or "none"
            raise InputError(
                f"The role {role!r} does not have the shared modality {modality!r} (it has: {has}).",
                hint="Choose another shared.modality, add it to the role's modalities, or name more in shared.also "
                "(docs/bridges.md).",
            )
        check_not_empty({role: store})
        if modality == LABEL and not present(store, LABEL).any():
            raise InputError(
                f"No window of the role {role!r} shows a label.",
                hint=f"Set roles.{role}.show_labels to true; windows are compared by their labels.",
            )
        if not present(store, modality).any():
            raise InputError(
                f"No window of the role {role!r} holds the shared modality {modality!r}.",
                hint="Look at data/windows/<source>/manifest.json for what window refused.",
            )
    if modality != LABEL:
        check_comparable(stores, modality)


def _check_pair(modality: str, first: str, left: WindowStore, second: str, right: WindowStore) -> None:
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


def _classes(stores: dict[str, WindowStore]) -> list[str]:
    """All labels that the roles show, sorted."""
    return sorted(set().union(*(store.index["label"].drop_nulls().unique() for store in stores.values())))


def _view(spec: ModalitySpec, modality: str, shared: Shared) -> ModalitySpec:
    """What windows hold in their representation; channels keep their names where they are kept."""
    if modality == LABEL or shared.representation in ("raw", "z_scored"):
        return spec
    blank = np.zeros((1, spec.steps, len(spec.channels)), dtype=np.float32)
    views = REPRESENTATIONS[shared.representation](blank).shape[2]
    return replace(spec, channels=[f"{shared.representation} {number}" for number in range(views)])

"""Spaces: which roles can be compared by which modalities, with an encoder and embeddings for each.

A study with one shared modality has one space for all its roles. Where ``shared.also`` names
more, two roles are compared by all of the named modalities that both have, and every set
of modalities that some two roles share is a space of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from mmbind.encoders.shared import SharedWindows, check_comparable, check_not_empty, open_unlabelled, present
from mmbind.errors import InputError
from mmbind.study import Study
from mmbind.windows.store import WindowStore

#: Key of the space of a study that has but one.
SOLE = ""
#: What stands between the modalities of a space in its key.
JOINED = "+"


@dataclass(frozen=True)
class Space:
    """A set of modalities and the roles that are compared by it.

    Attributes:
        modalities: in the order in which the study names them.
        roles: sorted.
    """

    modalities: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its name, e.g. ``acc+gyro``: of folders, and in the tables."""
        return key_of(self.modalities)


def key_of(modalities: Sequence[str]) -> str:
    """The key of a space of these modalities."""
    return JOINED.join(modalities)


def modalities_of(key: str) -> list[str]:
    """The inverse of :func:`key_of`."""
    return key.split(JOINED)


def common(named: Sequence[str], one: Collection[str], other: Collection[str]) -> tuple[str, ...]:
    """The named modalities that both have, in the order in which they are named."""
    return tuple(name for name in named if name in one and name in other)


def spaces_of(named: Sequence[str], has: Mapping[str, Collection[str]]) -> list[Space]:
    """Every set of modalities that two roles share.

    Args:
        named: the modalities by which roles may be compared.
        has: what each role has.

    Returns:
        Sorted by key; the roles of a space are those that share exactly its set with another.
    """
    found: dict[tuple[str, ...], set[str]] = {}
    for one, other in combinations(sorted(has), 2):
        if shared := common(named, has[one], has[other]):
            found.setdefault(shared, set()).update((one, other))
    spaces = [Space(modalities, tuple(sorted(roles))) for modalities, roles in found.items()]
    return sorted(spaces, key=lambda space: space.key)


def open_spaces(study: Study) -> dict[str, SharedWindows]:
    """Opens the unlabelled roles, space by space.

    Args:
        study: the study; only the stores of its unlabelled roles are opened.

    Returns:
        By key, sorted; ``SOLE`` alone where the study names one shared modality.

    Raises:
        MissingStageError: before assign.
        InputError: for an empty role, a role that shares nothing with any other, or windows
            whose steps, channels or unit differ between two roles of a space.
    """
    shared = study.params.shared
    if not shared.also:
        return {SOLE: SharedWindows.open(study)}
    stores = open_roles(study)
    has = {role: held(store) for role, store in stores.items()}
    found = spaces_of(shared.named, has)
    for role in stores:
        if not any(role in space.roles for space in found):
            raise _alone(role, has, shared.named)
    spaces = {}
    for space in found:
        members = {role: stores[role] for role in space.roles}
        for modality in space.modalities:
            check_comparable(members, modality)
        spaces[space.key] = SharedWindows.of(shared.by(space.modalities), members)
    return spaces


def open_roles(study: Study) -> dict[str, WindowStore]:
    """The stores of the unlabelled roles by name, sorted, checked as far as all of them go.

    Raises:
        MissingStageError: before assign.
        InputError: for an empty role, or, where there is one shared modality, roles that it
            cannot compare.
    """
    if not study.params.shared.also:
        return open_unlabelled(study)
    stores = {role: WindowStore.open(study.role(role), stage="assign") for role in study.params.unlabelled_roles}
    check_not_empty(stores)
    return stores


def held(store: WindowStore) -> set[str]:
    """The modalities that at least one window of a role has."""
    return {name for name in store.modalities if present(store, name).any()}


def _alone(role: str, has: Mapping[str, Collection[str]], named: Sequence[str]) -> InputError:
    """Why a role can be bound to no other, and what would help."""
    would = {
        modality: sorted(other for other in has if other != role and modality in has[other])
        for modality in sorted(set(has[role]) - set(named))
    }
    helpful = [f"{modality!r} (with {', '.join(others)})" for modality, others in would.items() if others]
    return InputError(
        f"The role {role!r} shares none of the modalities {', '.join(named)} with another unlabelled role "
        f"(it has: {', '.join(sorted(has[role])) or 'none'}).",
        hint=f"Name in shared.also: {' or '.join(helpful)}."
        if helpful
        else "No other role has any of its modalities: it cannot be bound. Remove it, or add one to another role.",
    )

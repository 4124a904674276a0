"""Who can lend what to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.encoders.shared import NO_SHARED, present
from mmbind.encoders.store import EmbeddingStore, Vectors, index_digest
from mmbind.errors import InputError
from mmbind.windows.store import WindowStore

#: Why a window cannot be an anchor although it has the shared modality.
NOT_EMBEDDED = "has no embedding"


@dataclass(frozen=True)
class Party:
    """An unlabelled role: its windows and their embeddings.

    Attributes:
        role: its name.
        store: its windows.
        embeddings: of those windows that have the shared modality.
    """

    role: str
    store: WindowStore
    embeddings: EmbeddingStore

    @property
    def modalities(self) -> set[str]:
        """What at least one of its windows has."""
        return {name for name in self.store.modalities if self.store.present(name).any()}

    @cached_property
    def embedded(self) -> npt.NDArray[np.int64]:
        """Store positions of the embedded windows, in the order of the embeddings."""
        return self.store.positions(self.embeddings.ids)

    @cached_property
    def facts(self) -> pl.DataFrame:
        """Window (id), source, subject and start_ns of each embedded window."""
        return self.store.index.select("window", "source", "subject", "start_ns")[self.embedded]

    def having(self, modality: str) -> npt.NDArray[np.bool_]:
        """Whether each embedded window has a modality."""
        return self.store.present(modality)[self.embedded]

    def refused(self, shared: str) -> dict[str, int]:
        """Windows that cannot be anchors, by reason."""
        lacking = len(self.store) - int(present(self.store, shared).sum())
        counts = {NO_SHARED: lacking, NOT_EMBEDDED: len(self.store) - lacking - len(self.embeddings)}
        return {reason: count for reason, count in counts.items() if count}


@dataclass(frozen=True)
class Loan:
    """What one role borrows from others, all compared with it by the same.

    Attributes:
        borrower: the role that lacks the modality.
        modality: the modality it borrows; None where the lenders only pass on (a leg of a bridge).
        lenders: the roles that have it, sorted.
        by: key of the space in which they are compared; empty where the study has but one.
    """

    borrower: str
    modality: str | None
    lenders: tuple[str, ...]
    by: str = ""

    @property
    def name(self) -> str:
        """How counts and figures call it, e.g. ``A borrows gyro``, ``A borrows gyro by acc`` or ``A to B by acc``."""
        what = f"borrows {self.modality}" if self.modality else f"to {', '.join(self.lenders)}"
        return f"{self.borrower} {what}" + (f" by {self.by}" if self.by else "")


@dataclass(frozen=True)
class Pool:
    """Windows that may be borrowed from, sorted by id so that ties go to the lowest id.

    Attributes:
        facts: window (id), source, subject and start_ns of each (n).
        parts: the roles that the windows are of, and the rows of each role's embedded windows.
        order: where each window stands among the parts put one after the other, int64 (n).
    """

    facts: pl.DataFrame
    parts: list[tuple[Party, npt.NDArray[np.int64]]]
    order: npt.NDArray[np.int64]

    @classmethod
    def of(cls, parties: Sequence[Party], modality: str | None = None) -> Pool:
        """Gathers the embedded windows of some roles.

        Args:
            parties: the roles.
            modality: keep only windows that have it; all when None.
        """
        parts = [
            (party, np.flatnonzero(party.having(modality)) if modality else np.arange(len(party.embeddings)))
            for party in parties
        ]
        facts = pl.concat([party.facts[rows] for party, rows in parts])
        order = facts["window"].arg_sort()
        return cls(facts[order], parts, order.to_numpy().astype(np.int64))

    def __len__(self) -> int:
        """The number of windows."""
        return self.facts.height

    @property
    def windows(self) -> pl.Series:
        """Ids (n)."""
        return self.facts["window"]

    @cached_property
    def vectors(self) -> Vectors:
        """Embeddings, float32 (n, dimensions); a memory map where one role lends all it has."""
        return self.gather({party.role: party.embeddings.vectors for party, _ in self.parts})

    def gather(self, per_role: Mapping[str, npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Rows of the pool's windows (n, ...), from arrays with one row per embedded window of a role."""
        (first, rows), *others = self.parts
        if not others and len(rows) == len(first.embeddings):
            return per_role[first.role]
        return np.concatenate([per_role[party.role][rows] for party, rows in self.parts])[self.order]


def plan_loans(parties: Mapping[str, Party], shared: str) -> list[Loan]:
    """Lists every loan: each role borrows each modality that another has and it lacks.

    Args:
        parties: the unlabelled roles by name.
        shared: the modality they are compared by, which nobody borrows.

    Returns:
        Loans sorted by borrower and modality.

    Raises:
        InputError: when no role can borrow anything.
    """
    loans = []
    for borrower, party in sorted(parties.items()):
        others = {name: other.modalities for name, other in parties.items() if name != borrower}
        for modality in sorted(set().union(*others.values()) - party.modalities - {shared}):
            lenders = tuple(sorted(name for name, has in others.items() if modality in has))
            loans.append(Loan(borrower, modality, lenders))
    if not loans:
        raise nothing_to_lend({name: party.modalities for name, party in parties.items()})
    return loans


def nothing_to_lend(has: Mapping[str, AbstractSet[str]]) -> InputError:
    """What is said where no role can borrow anything.

    Args:
        has: the modalities of each unlabelled role.
    """
    have = "; ".join(f"{name}: {', '.join(sorted(held))}" for name, held in sorted(has.items()))
    return InputError(
        f"No unlabelled role can borrow anything: all have the same modalities, or share none ({have}).",
        hint="Give the roles different modalities in params.yaml, and name what they share.",
    )


def check_parties(parties: Mapping[str, Party], shared: str) -> None:
    """Makes sure that the embeddings belong to the windows and can be compared.

    Raises:
        InputError: for embeddings of other windows, another modality, another encoder or
            another dimension, a role without embeddings, or a vector that has not length 1.
    """
    again = "Run the stage 'embed' again (dvc repro embed)."
    for role, party in parties.items():
        manifest = party.embeddings.manifest
        if manifest["modality"] != shared:
            raise InputError(
                f"The embeddings of the role {role!r} are of {manifest['modality']!r}, not of {shared!r}.", hint=again
            )
        if manifest["role_index"] != index_digest(party.store):
            raise InputError(f"The embeddings of the role {role!r} were made of other windows.", hint=again)
        if not len(party.embeddings):
            raise InputError(
                f"No window of the role {role!r} is embedded.", hint="Look at what its windows refused, then embed."
            )
    first, *others = parties.values()
    for party in others:
        for name in ("dimensions", "encoder"):
            here, there = first.embeddings.manifest[name], party.embeddings.manifest[name]
            if here != there:
                raise InputError(
                    f"The embeddings differ in {name}: {here} in the role {first.role!r}, {there} in {party.role!r}.",
                    hint=again,
                )
    for party in parties.values():
        party.embeddings.check()

"""Finding partners: what the stage bind does before it writes, and what others do without writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from mmbind.binding.broker import Broker, Met
from mmbind.binding.calibration import Calibration
from mmbind.binding.labelled import Witnesses, gather_witnesses
from mmbind.binding.plan import Party, check_parties, plan_loans
from mmbind.binding.proposals import Proposals
from mmbind.binding.routes import Need, Route, plan_needs
from mmbind.config import Binding, Shared
from mmbind.config.binding import Bridges
from mmbind.encoders.spaces import SOLE, open_spaces
from mmbind.encoders.store import EmbeddingStore
from mmbind.study import Study


@dataclass(frozen=True)
class Found:
    """Partners, need by need.

    Attributes:
        spaces: the unlabelled roles with their embeddings, by the key of the space.
        proposals: by key, the graphs that were chosen from.
        needs: every need and how it was met, sorted.
        calibrations: by loan, from scores to probabilities, where they were needed, sorted.
        witnesses: by space, the target's labelled windows, where they told which pairs are right.
    """

    spaces: dict[str, dict[str, Party]]
    proposals: dict[str, Proposals]
    needs: list[Met]
    calibrations: dict[str, Calibration]
    witnesses: dict[str, Witnesses] = field(default_factory=dict)

    @property
    def pairs(self) -> pl.DataFrame:
        """All pairs, ``schema.PAIRS`` and what else is known of them, sorted."""
        return pl.concat([met.pairs for met in self.needs]).sort("anchor", "borrowed_modality", "rank")


def find_pairs(study: Study, config: Binding, *, memory: Path | None = None) -> Found:
    """Finds partners by some rules, and writes nothing.

    Args:
        study: a study whose windows are embedded.
        config: the rules, usually ``study.params.binding``.
        memory: see :class:`mmbind.binding.proposals.Proposals`.

    Raises:
        MissingStageError: before assign or embed.
        InputError: when roles cannot be compared, nobody can lend, a modality cannot be reached,
            lenders are too few, or labels are to tell which pairs are right and are too few.
    """
    params, spaces = study.params, open_parties(study)
    proposals = {
        key: Proposals(
            parties,
            config,
            params.sources,
            key or params.shared.modality,
            memory=None if memory is None else memory / key,
        )
        for key, parties in spaces.items()
    }
    witnesses = gather_witnesses(study, spaces, config)
    broker = Broker(spaces, proposals, params.sources, config, witnesses)
    needs = broker.meet(find_needs(spaces, params.shared, config.bridges))
    return Found(spaces, proposals, needs, broker.calibrations, witnesses)


def find_needs(spaces: Mapping[str, Mapping[str, Party]], shared: Shared, bridges: Bridges) -> list[Need]:
    """What roles lack, and the routes to it; see :func:`plan_loans` and :func:`plan_needs`.

    Args:
        spaces: of :func:`open_parties`.
        shared: the section ``shared``.
        bridges: the section ``binding.bridges``.

    Raises:
        InputError: when nobody can lend, or a modality cannot be reached.
    """
    if SOLE in spaces:
        loans = plan_loans(spaces[SOLE], shared.modality)
        return [Need(loan.borrower, loan.modality, (Route((loan,)),)) for loan in loans if loan.modality]
    has = {role: party.modalities for parties in spaces.values() for role, party in parties.items()}
    return plan_needs(has, shared.named, bridges)


def open_parties(study: Study) -> dict[str, dict[str, Party]]:
    """The unlabelled roles with their embeddings, space by space, checked to be comparable.

    Raises:
        MissingStageError: before assign or embed.
        InputError: when roles cannot be compared.
    """
    found = {}
    for key, windows in open_spaces(study).items():
        found[key] = {
            role: Party(role, store, EmbeddingStore.open(study.embeddings(role, key)))
            for role, store in windows.stores.items()
        }
        check_parties(found[key], windows.shared.modality)
    return found

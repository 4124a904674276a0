"""The stage bind: every unlabelled window borrows what it lacks from windows like it.

Three steps, each replaceable by ``params.yaml``: *propose* (the nearest by the embedding),
*re-rank* (time-warped windows, or the search's own order), *select* (a rule per file).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.binding.gate import check_pairs
from mmbind.binding.pairs import Paired, pair
from mmbind.binding.plan import Loan, Party, check_parties, plan_loans
from mmbind.binding.proposals import Proposals
from mmbind.binding.quality import overall, quality_of
from mmbind.binding.select import build_rule
from mmbind.config import Binding
from mmbind.encoders.shared import open_unlabelled
from mmbind.encoders.store import EmbeddingStore
from mmbind.errors import InputError
from mmbind.files import digest_of, sha256_file, short_id, whole_folder, write_json, write_parquet
from mmbind.schema import PAIRS, conform
from mmbind.study import Study
from mmbind.validation.judgement import Judgement


@dataclass(frozen=True)
class BindSummary:
    """What bind did.

    Attributes:
        manifest: as written to ``manifest.json``.
        costs: what the searches took over from an earlier binding, by who asked whom.
        judgement: of the pairs; None in a study without ``pairs.json``.
    """

    manifest: dict[str, Any]
    costs: dict[str, str] = field(default_factory=dict)
    judgement: Judgement | None = None

    def lines(self) -> list[str]:
        """Counts and figures per loan."""
        lines = []
        for name, counts in self.manifest["counts"]["loans"].items():
            figures = self.manifest["quality"]["loans"][name]
            lines.append(
                f"{name}: {counts['bound']}/{counts['anchors']} anchors bound, similarity "
                f"{figures['similarity']:.3f}, mutual {figures['mutual']:.1%}, lenders used {figures['coverage']:.1%}, "
                f"largest hub {figures['hubness_max']:.0f}, weight {figures['weight']:.3f}"
            )
        lines += [f"{search}: {cost}" for search, cost in sorted(self.costs.items())]
        lines += self.judgement.lines() if self.judgement else []
        return [*lines, f"binding {self.manifest['id'][:12]}: {self.manifest['counts']['pairs']} pairs"]


def bind(study: Study) -> BindSummary:
    """Finds partners for every window of the unlabelled roles and writes ``study.bindings``.

    For each modality that a role lacks and another has, every window (anchor) borrows it
    from at most ``binding.partners`` windows of the roles that can lend it (MMBind, arXiv
    2411.12126, section 4, with the rules of ``binding.select``). A pair is mutual when each
    window has the best score for the other among all embedded windows of the other's role,
    whatever the rule. Ranks start at 1. Only role stores and embeddings are opened.

    Args:
        study: the study.

    Returns:
        The summary.

    Raises:
        MissingStageError: before assign or embed.
        InputError: when roles cannot be compared, nobody can lend, lenders are too few, or
            no window finds a partner.
        ConfigError: when the suite ``pairs.json`` is wrong.
        GateError: when the pairs break a critical rule of it; they are left to be looked at.
    """
    shared, config = study.params.shared.modality, study.params.binding
    memory = study.work(f"searches-{short_id(study.data.resolve().as_posix())}")
    found = find_pairs(study, config, memory=memory)
    parties, proposals, pairs = found.parties, found.proposals, found.pairs
    counts = {
        loan.name: _count(loan, parties[loan.borrower], found.lending(loan), paired, shared)
        for loan, paired in found.loans
    }
    figures = {loan.name: quality_of(paired.pairs, found.lending(loan)) for loan, paired in found.loans}
    calibrations = {loan.name: p.calibration.to_dict() for loan, p in found.loans if p.calibration is not None}
    totals = _totals(counts, pairs)
    if not pairs.height:
        reasons = ", ".join(f"{count} {reason}" for reason, count in totals["refused"].items())
        raise InputError(f"No window found a partner ({reasons}).", hint="Loosen binding.select or its constraints.")
    with whole_folder(study.bindings) as folder:
        write_parquet(folder / "pairs.parquet", conform(pairs, PAIRS, table="pairs"))
        manifest = {
            **_identity(parties, proposals, config),
            "counts": totals,
            "digests": {"pairs.parquet": sha256_file(folder / "pairs.parquet")},
            "search": dict(sorted(proposals.searches.items())),
            **({"calibration": calibrations} if calibrations else {}),
            "quality": {**overall(list(figures.values())), "loans": figures},
        }
        write_json(folder / "manifest.json", manifest)
        judgement = check_pairs(study, {loan.name: paired.pairs for loan, paired in found.loans}, manifest, folder)
    if judgement is not None:
        judgement.enforce()
    return BindSummary(manifest, proposals.costs, judgement)


@dataclass(frozen=True)
class Found:
    """Partners, loan by loan.

    Attributes:
        parties: the unlabelled roles.
        proposals: the graphs that were chosen from.
        loans: every loan with what it gave, sorted.
    """

    parties: dict[str, Party]
    proposals: Proposals
    loans: list[tuple[Loan, Paired]]

    @property
    def pairs(self) -> pl.DataFrame:
        """All pairs, ``schema.PAIRS`` and what else is known of them, sorted."""
        return pl.concat([paired.pairs for _, paired in self.loans]).sort("anchor", "borrowed_modality", "rank")

    def lending(self, loan: Loan) -> int:
        """How many windows could lend."""
        return len(self.proposals.pool(loan.lenders, loan.modality))


def find_pairs(study: Study, config: Binding, *, memory: Path | None = None) -> Found:
    """Finds partners by some rules, and writes nothing.

    Args:
        study: a study whose windows are embedded.
        config: the rules, usually ``study.params.binding``.
        memory: see :class:`mmbind.binding.proposals.Proposals`.

    Raises:
        MissingStageError: before assign or embed.
        InputError: when roles cannot be compared, nobody can lend, or lenders are too few.
    """
    shared, parties = study.params.shared.modality, open_parties(study)
    proposals = Proposals(parties, config, study.params.sources, shared, memory=memory)
    found, rule = Found(parties, proposals, []), build_rule(config.select)
    for loan in plan_loans(parties, shared):
        if (lending := found.lending(loan)) < config.partners:
            raise InputError(
                f"{loan.name}: only {lending} windows can lend, fewer than the {config.partners} partners asked for.",
                hint="Lower binding.partners or add recordings to the lending roles.",
            )
        found.loans.append((loan, pair(loan, parties, proposals, rule, config.partners, config.weight)))
    return found


def open_parties(study: Study) -> dict[str, Party]:
    """The unlabelled roles with their embeddings, checked to be comparable.

    Raises:
        MissingStageError: before assign or embed.
        InputError: when roles cannot be compared.
    """
    parties = {
        role: Party(role, store, EmbeddingStore.open(study.embeddings(role)))
        for role, store in open_unlabelled(study).items()
    }
    check_parties(parties, study.params.shared.modality)
    return parties


def _identity(parties: dict[str, Party], proposals: Proposals, config: Binding) -> dict[str, Any]:
    """What the binding was made of; its id is the digest of exactly this."""
    inputs = {
        role: {
            "embeddings": party.embeddings.content_digest(),
            "encoder": party.embeddings.manifest["encoder"],
            "index": party.embeddings.manifest["role_index"],
            "windows": len(party.store),
            **proposals.read(role),
        }
        for role, party in sorted(parties.items())
    }
    described = {"inputs": inputs, "params": {**config.model_dump(), "shared_modality": proposals.shared}}
    return {"id": digest_of(described), **described}


def _count(loan: Loan, borrower: Party, lending: int, found: Paired, shared: str) -> dict[str, Any]:
    """Anchors in = bound + refused, and who could lend."""
    return {
        "anchors": len(borrower.store),
        "bound": found.pairs["anchor"].n_unique(),
        "refused": {**borrower.refused(shared), **found.refused},
        "pairs": found.pairs.height,
        "lenders": list(loan.lenders),
        "lending_windows": lending,
    }


def _totals(loans: dict[str, Any], pairs: pl.DataFrame) -> dict[str, Any]:
    """Counts over all loans; an anchor counts once per modality that it borrows."""
    refused: dict[str, int] = {}
    for loan in loans.values():
        for reason, count in loan["refused"].items():
            refused[reason] = refused.get(reason, 0) + count
    total = {name: sum(loan[name] for loan in loans.values()) for name in ("anchors", "bound")}
    return {**total, "refused": refused, "pairs": pairs.height, "loans": loans}

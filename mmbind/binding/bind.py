"""The stage bind: every unlabelled window borrows what it lacks from its most similar ones.

Each loan takes three steps, each its own function: *propose* (exact search among those who
can lend), *re-rank* (the search's own order is kept), *select* (the nearest).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.binding.plan import Loan, Party, Pool, check_parties, plan_loans
from mmbind.binding.quality import overall, quality_of
from mmbind.binding.search import Candidates, nearest
from mmbind.binding.select import select_nearest
from mmbind.binding.weights import weigh
from mmbind.config import Binding
from mmbind.encoders.shared import open_unlabelled
from mmbind.encoders.store import EmbeddingStore
from mmbind.errors import InputError
from mmbind.files import digest_of, sha256_file, whole_folder, write_json, write_parquet
from mmbind.schema import PAIRS, conform
from mmbind.study import Study

#: The search method, part of a binding's identity.
METHOD = "exact"


@dataclass(frozen=True)
class BindSummary:
    """What bind did.

    Attributes:
        manifest: as written to ``manifest.json``.
    """

    manifest: dict[str, Any]

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
        return [*lines, f"binding {self.manifest['id'][:12]}: {self.manifest['counts']['pairs']} pairs"]


class Proposals:
    """The search of a binding; equal searches are made once.

    Memory: O(anchors x candidates) per distinct search.
    """

    def __init__(self, parties: dict[str, Party], count: int) -> None:
        """Remembers who takes part and how many candidates to propose."""
        self._parties, self._count = parties, count
        self._done: dict[tuple[str, tuple[str, ...], str | None], tuple[Pool, Candidates]] = {}

    def between(self, role: str, lenders: tuple[str, ...], modality: str | None = None) -> tuple[Pool, Candidates]:
        """Candidates of a role's windows among the windows of other roles.

        Args:
            role: whose windows ask.
            lenders: whose windows answer.
            modality: what an answering window must have; anything when None.
        """
        answering = [self._parties[name] for name in lenders]
        if modality is not None and all(party.having(modality).all() for party in answering):
            modality = None
        key = (role, lenders, modality)
        if key not in self._done:
            pool = Pool.of(answering, modality)
            queries = self._parties[role].embeddings.vectors
            self._done[key] = pool, nearest(queries, pool.vectors, self._count)
        return self._done[key]

    def favourites(self, role: str, other: str) -> npt.NDArray[np.str_]:
        """Of each embedded window of a role, the id of the nearest window of another role."""
        pool, candidates = self.between(role, (other,))
        return pool.windows.to_numpy()[candidates.positions[:, 0]]


def bind(study: Study) -> BindSummary:
    """Finds partners for every window of the unlabelled roles and writes ``study.bindings``.

    For each modality that a role lacks and another has, every window (anchor) borrows it
    from its ``binding.partners`` most similar windows, by cosine of the shared modality's
    embeddings, over all roles that can lend it (MMBind, arXiv 2411.12126, section 4).
    A pair is mutual when each window is the nearest of the other among all embedded windows
    of the other's role. Ranks start at 1. Only role stores and embeddings are opened.

    Args:
        study: the study.

    Returns:
        The summary.

    Raises:
        MissingStageError: before assign or embed.
        InputError: when roles cannot be compared, nobody can lend, or lenders are too few.
    """
    shared, config = study.params.shared.modality, study.params.binding
    parties = {
        role: Party(role, store, EmbeddingStore.open(study.embeddings(role)))
        for role, store in open_unlabelled(study).items()
    }
    check_parties(parties, shared)
    proposals = Proposals(parties, config.partners + 1)  # the next one gives the margin
    tables: list[pl.DataFrame] = []
    counts: dict[str, Any] = {}
    figures: dict[str, dict[str, float]] = {}
    for loan in plan_loans(parties, shared):
        pool, candidates = proposals.between(loan.borrower, loan.lenders, loan.modality)
        pairs = _pair(loan, parties, proposals, pool, candidates, config, shared)
        tables.append(pairs)
        counts[loan.name] = _count(loan, parties[loan.borrower], pool, pairs, shared)
        figures[loan.name] = quality_of(pairs, len(pool.windows))
    pairs = pl.concat(tables).sort("anchor", "borrowed_modality", "rank")
    with whole_folder(study.bindings) as folder:
        write_parquet(folder / "pairs.parquet", conform(pairs, PAIRS, table="pairs"))
        manifest = {
            **_identity(parties, config, shared),
            "counts": _totals(counts, pairs),
            "digests": {"pairs.parquet": sha256_file(folder / "pairs.parquet")},
            "quality": {**overall(list(figures.values())), "loans": figures},
        }
        write_json(folder / "manifest.json", manifest)
    return BindSummary(manifest)


def _pair(
    loan: Loan,
    parties: dict[str, Party],
    proposals: Proposals,
    pool: Pool,
    candidates: Candidates,
    config: Binding,
    shared: str,
) -> pl.DataFrame:
    """Pairs of one loan, columns of ``schema.PAIRS``."""
    borrower, partners = parties[loan.borrower], config.partners
    if len(pool.windows) < partners:
        raise InputError(
            f"{loan.name}: only {len(pool.windows)} windows can lend, fewer than the {partners} partners asked for.",
            hint="Lower binding.partners or add recordings to the lending roles.",
        )
    chosen = select_nearest(candidates, partners)
    anchors = borrower.embeddings.index["window"]
    repeated = np.repeat(np.arange(len(anchors)), partners)
    positions = chosen.positions.ravel()
    similarities = chosen.similarities.ravel()
    pairs = pl.DataFrame(
        {
            "anchor": anchors[repeated],
            "anchor_source": borrower.sources[repeated],
            "partner": pool.windows[positions],
            "partner_source": pool.sources[positions],
            "similarity": similarities,
            "rank": np.tile(np.arange(1, partners + 1, dtype=np.int32), len(anchors)),
            "margin": pl.Series(chosen.margins.ravel()).fill_nan(None),
            "weight": weigh(similarities, config.weight),
        }
    )
    return pairs.with_columns(
        pl.lit(shared).alias("shared_modality"),
        pl.lit(loan.modality).alias("borrowed_modality"),
        _mutual(loan, parties, proposals, pairs),
    ).select(list(PAIRS))


def _mutual(loan: Loan, parties: dict[str, Party], proposals: Proposals, pairs: pl.DataFrame) -> pl.Series:
    """Whether each window of a pair is the nearest of the other in the other's role."""
    both = pl.Series("mutual", np.zeros(pairs.height, dtype=np.bool_))
    for lender in loan.lenders:
        ours = parties[loan.borrower].embeddings.index["window"]
        theirs = parties[lender].embeddings.index["window"]
        there = pl.DataFrame({"anchor": ours, "there": proposals.favourites(loan.borrower, lender)})
        back = pl.DataFrame({"partner": theirs, "back": proposals.favourites(lender, loan.borrower)})
        joined = pairs.join(there, on="anchor", how="left", maintain_order="left").join(
            back, on="partner", how="left", maintain_order="left"
        )
        agree = (joined["there"] == joined["partner"]) & (joined["back"] == joined["anchor"])
        both |= agree.fill_null(value=False)
    return both


def _identity(parties: dict[str, Party], config: Binding, shared: str) -> dict[str, Any]:
    """What the binding was made of; its id is the digest of exactly this."""
    inputs = {
        role: {
            "embeddings": party.embeddings.content_digest(),
            "encoder": party.embeddings.manifest["encoder"],
            "index": party.embeddings.manifest["role_index"],
            "windows": len(party.store),
        }
        for role, party in sorted(parties.items())
    }
    described = {"inputs": inputs, "params": {**config.model_dump(), "shared_modality": shared, "search": METHOD}}
    return {"id": digest_of(described), **described}


def _count(loan: Loan, borrower: Party, pool: Pool, pairs: pl.DataFrame, shared: str) -> dict[str, Any]:
    """Anchors in = bound + refused, and who could lend."""
    return {
        "anchors": len(borrower.store),
        "bound": pairs["anchor"].n_unique(),
        "refused": borrower.refused(shared),
        "pairs": pairs.height,
        "lenders": list(loan.lenders),
        "lending_windows": len(pool.windows),
    }


def _totals(loans: dict[str, Any], pairs: pl.DataFrame) -> dict[str, Any]:
    """Counts over all loans; an anchor counts once per modality that it borrows."""
    refused: dict[str, int] = {}
    for loan in loans.values():
        for reason, count in loan["refused"].items():
            refused[reason] = refused.get(reason, 0) + count
    total = {name: sum(loan[name] for loan in loans.values()) for name in ("anchors", "bound")}
    return {**total, "refused": refused, "pairs": pairs.height, "loans": loans}

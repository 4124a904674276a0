"""The stage bind: every unlabelled window borrows what it lacks from windows like it.

Three steps, each replaceable by ``params.yaml``: *propose* (the nearest by the embedding),
*re-rank* (time-warped windows, or the search's own order), *select* (a rule per file).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import polars as pl

from mmbind.binding.broker import Met
from mmbind.binding.find import Found, find_pairs
from mmbind.binding.gate import check_pairs
from mmbind.binding.plan import Party
from mmbind.binding.proposals import Proposals
from mmbind.binding.quality import overall, quality_of
from mmbind.config import TARGET, Binding
from mmbind.encoders.spaces import SOLE
from mmbind.errors import InputError
from mmbind.files import digest_of, sha256_file, short_id, whole_folder, write_json, write_parquet
from mmbind.schema import PAIRS, conform
from mmbind.study import Study
from mmbind.validation.judgement import Judgement

T = TypeVar("T")


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
            lines += [f"  {r['path']} by {r['by']}: {r['pairs']} pairs" for r in counts.get("routes", [])]
        lines += [f"{search}: {cost}" for search, cost in sorted(self.costs.items())]
        lines += self.judgement.lines() if self.judgement else []
        return [*lines, f"binding {self.manifest['id'][:12]}: {self.manifest['counts']['pairs']} pairs"]


def bind(study: Study) -> BindSummary:
    """Finds partners for every window of the unlabelled roles and writes ``study.bindings``.

    For each modality that a role lacks and another has, every window (anchor) borrows it
    from at most ``binding.partners`` windows of the roles that can lend it (MMBind, arXiv
    2411.12126, section 4, with the rules of ``binding.select``), directly or, where they share
    nothing, over windows of roles between them (:mod:`mmbind.binding.bridges`). A direct pair is mutual when each
    window has the best score for the other among all embedded windows of the other's role,
    whatever the rule. Ranks start at 1. Only stores and embeddings of the unlabelled roles are
    opened, and, where ``weight.by`` asks for it, the target's labelled windows and the encoder.

    Args:
        study: the study.

    Returns:
        The summary.

    Raises:
        MissingStageError: before assign or embed.
        InputError: when roles cannot be compared, nobody can lend, a modality cannot be
            reached, lenders are too few, or no window finds a partner.
        ConfigError: when the suite ``pairs.json`` is wrong.
        GateError: when the pairs break a critical rule of it; they are left to be looked at.
    """
    config = study.params.binding
    memory = study.work(f"searches-{short_id(study.data.resolve().as_posix())}")
    found = find_pairs(study, config, memory=memory)
    pairs = found.pairs
    counts = {met.need.name: _count(met) for met in found.needs}
    figures = {met.need.name: quality_of(met.pairs, met.lending) for met in found.needs}
    calibrations = {name: each.to_dict() for name, each in found.calibrations.items()}
    totals = _totals(counts, pairs)
    if not pairs.height:
        reasons = ", ".join(f"{count} {reason}" for reason, count in totals["refused"].items())
        raise InputError(f"No window found a partner ({reasons}).", hint="Loosen binding.select or its constraints.")
    with whole_folder(study.bindings) as folder:
        write_parquet(folder / "pairs.parquet", conform(pairs, PAIRS, table="pairs"))
        manifest = {
            **_identity(found, study, config),
            "counts": totals,
            "digests": {"pairs.parquet": sha256_file(folder / "pairs.parquet")},
            "search": _by_space({key: proposals.searches for key, proposals in found.proposals.items()}),
            **({"calibration": calibrations} if calibrations else {}),
            "quality": {**overall(list(figures.values())), "loans": figures},
        }
        write_json(folder / "manifest.json", manifest)
        judgement = check_pairs(study, {met.need.name: met.pairs for met in found.needs}, manifest, folder)
    if judgement is not None:
        judgement.enforce()
    costs = _by_space({key: proposals.costs for key, proposals in found.proposals.items()})
    return BindSummary(manifest, costs, judgement)


def _identity(found: Found, study: Study, config: Binding) -> dict[str, Any]:
    """What the binding was made of; its id is the digest of exactly this."""
    shared = study.params.shared
    if SOLE in found.spaces:
        inputs = {
            role: {**_made_of(party, found.proposals[SOLE]), **_windows_of(party)}
            for role, party in sorted(found.spaces[SOLE].items())
        }
        params = {**config.model_dump(), "shared_modality": shared.modality}
    else:
        inputs = {}
        for key, parties in found.spaces.items():
            for role, party in parties.items():
                told = inputs.setdefault(role, {**_windows_of(party), "spaces": {}})
                told["spaces"][key] = _made_of(party, found.proposals[key])
        bridges = config.bridges.model_dump()
        params = {**config.model_dump(), "bridges": bridges, "shared_modalities": shared.named}
    if found.witnesses:
        inputs[TARGET] = {"labelled": _by_target(found)}
    described = {"inputs": inputs, "params": params}
    return {"id": digest_of(described), **described}


def _by_target(found: Found) -> Any:
    """Digests of the labelled windows that told which pairs are right, by space where there are several."""
    digests = {key: each.digest for key, each in sorted(found.witnesses.items())}
    return digests.get(SOLE, digests)


def _by_space(told: Mapping[str, Mapping[str, T]]) -> dict[str, T]:
    """What is told of searches, with the space where there are several, sorted."""
    named = {f"{key}: {name}" if key else name: value for key, each in told.items() for name, value in each.items()}
    return dict(sorted(named.items()))


def _windows_of(party: Party) -> dict[str, Any]:
    return {"index": party.embeddings.manifest["role_index"], "windows": len(party.store)}


def _made_of(party: Party, proposals: Proposals) -> dict[str, Any]:
    return {
        "embeddings": party.embeddings.content_digest(),
        "encoder": party.embeddings.manifest["encoder"],
        **proposals.read(party.role),
    }


def _count(met: Met) -> dict[str, Any]:
    """Anchors in = bound + refused, and who could lend; by which route where there may be several."""
    counts: dict[str, Any] = {
        "anchors": met.anchors,
        "bound": met.pairs["anchor"].n_unique(),
        "refused": met.refused,
        "pairs": met.pairs.height,
        "lenders": list(met.need.lenders),
        "lending_windows": met.lending,
    }
    if met.need.routes[0].by:
        counts["routes"] = [
            {"path": route.path, "by": route.by, "pairs": count}
            for route, count in zip(met.need.routes, met.per_route, strict=True)
        ]
    return counts


def _totals(loans: dict[str, Any], pairs: pl.DataFrame) -> dict[str, Any]:
    """Counts over all loans; an anchor counts once per modality that it borrows."""
    refused: dict[str, int] = {}
    for loan in loans.values():
        for reason, count in loan["refused"].items():
            refused[reason] = refused.get(reason, 0) + count
    total = {name: sum(loan[name] for loan in loans.values()) for name in ("anchors", "bound")}
    return {**total, "refused": refused, "pairs": pairs.height, "loans": loans}

"""Finding partners: what the stage bind does before it writes, and what others do without writing.

With one shared modality every need is met by one direct loan. Where the study names several,
a need may have several routes, direct ones in unlike spaces or bridges, whose scores cannot
be compared. Probabilities can: each route proposes its partners, and an anchor takes the most
probable of all. What it then gives them together is no more than one route would have given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.binding.bridges import bridged_pairs, follow, no_bridges, within
from mmbind.binding.calibration import Calibration
from mmbind.binding.constraints import with_placement
from mmbind.binding.pairs import Paired, pair
from mmbind.binding.plan import NOT_EMBEDDED, Loan, Party, check_parties, plan_loans
from mmbind.binding.proposals import Proposals
from mmbind.binding.routes import Need, Route, plan_needs
from mmbind.binding.select import Rule, build_rule
from mmbind.config import Binding, Shared
from mmbind.config.binding import Bridges
from mmbind.encoders.shared import NO_SHARED
from mmbind.encoders.spaces import SOLE, modalities_of, open_spaces
from mmbind.encoders.store import EmbeddingStore
from mmbind.errors import InputError
from mmbind.schema import BRIDGES, PAIRS
from mmbind.study import Study

#: Why an embedded window of a role with several routes, or with a bridge, has no partner.
NO_ROUTE = "is joined to no window that could lend"


@dataclass(frozen=True)
class Met:
    """How a need was met.

    Attributes:
        need: what was lacking.
        pairs: ``schema.PAIRS``, ``score``, ``probability`` where weights are calibrated or the study
            has several spaces, ``schema.BRIDGES`` where it has bridges; by anchor and rank.
        anchors: windows of the borrower.
        refused: those without a partner, by reason.
        lending: how many windows could lend.
        per_route: pairs that each route gave.
    """

    need: Need
    pairs: pl.DataFrame
    anchors: int
    refused: dict[str, int]
    lending: int
    per_route: list[int]


@dataclass(frozen=True)
class Found:
    """Partners, need by need.

    Attributes:
        spaces: the unlabelled roles with their embeddings, by the key of the space.
        proposals: by key, the graphs that were chosen from.
        needs: every need and how it was met, sorted.
        calibrations: by loan, from scores to probabilities, where they were needed.
    """

    spaces: dict[str, dict[str, Party]]
    proposals: dict[str, Proposals]
    needs: list[Met] = field(default_factory=list)
    calibrations: dict[str, Calibration] = field(default_factory=dict)

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
            or lenders are too few.
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
    found, rule = Found(spaces, proposals), build_rule(config.select)
    needs = find_needs(spaces, params.shared, config.bridges)
    if SOLE in spaces:
        found.needs.extend(_lend(found, need, rule, config) for need in needs)
        return found
    bridging = any(route.bridged for need in needs for route in need.routes)
    finder = _Finder(study, found, rule, config, bridging)
    found.needs.extend(finder.meet(need) for need in needs)
    return found


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


def _lend(found: Found, need: Need, rule: Rule, config: Binding) -> Met:
    """Meets a need by its one direct loan."""
    (loan,) = need.routes[0].legs
    parties, proposals = found.spaces[loan.by], found.proposals[loan.by]
    lending = check_lending(loan, proposals, config.partners)
    paired = pair(loan, parties, proposals, rule, config.partners, config.weight)
    if paired.calibration is not None:
        found.calibrations[loan.name] = paired.calibration
    borrower = parties[loan.borrower]
    refused = {**borrower.refused(modalities_of(proposals.shared)[0]), **paired.refused}
    return Met(need, paired.pairs, len(borrower.store), refused, lending, [paired.pairs.height])


def check_lending(loan: Loan, proposals: Proposals, partners: int) -> int:
    """How many windows can lend.

    Raises:
        InputError: when they are fewer than the partners asked for.
    """
    if (lending := len(proposals.pool(loan.lenders, loan.modality))) < partners:
        raise InputError(
            f"{loan.name}: only {lending} windows can lend, fewer than the {partners} partners asked for.",
            hint="Lower binding.partners or add recordings to the lending roles.",
        )
    return lending


class _Finder:
    """Meets needs in a study of several spaces; what two routes share is paired once."""

    def __init__(self, study: Study, found: Found, rule: Rule, config: Binding, bridging: bool) -> None:
        self._sources, self._found, self._rule, self._config = study.params.sources, found, rule, config
        #: Whether any pair of the study is bridged, so that all tables have the columns.
        self._bridging = bridging
        self._paired: dict[tuple[Loan, int], Paired] = {}

    def meet(self, need: Need) -> Met:
        """Finds the partners of one need over all its routes."""
        per_route = [self._bridge(need, route) if route.bridged else self._direct(route) for route in need.routes]
        several = len(need.routes) > 1
        pairs = most_probable(per_route, self._config.partners) if several else per_route[0]
        extra = ["score", "probability", *(BRIDGES if self._bridging else ())]
        pairs = pairs.with_columns(borrowed_modality=pl.lit(need.modality)).select(*PAIRS, *extra)
        counts = [self._given(pairs, route) for route in need.routes]
        return Met(need, pairs, *self._refused(need, pairs), self._lending(need), counts)

    def _direct(self, route: Route) -> pl.DataFrame:
        """Pairs of a direct route, with their probabilities."""
        (loan,) = route.legs
        check_lending(loan, self._found.proposals[loan.by], self._config.partners)
        pairs = self._pair(loan, self._config.partners).pairs
        if self._config.weight.kind != "calibrated":
            parties, proposals = self._found.spaces[loan.by], self._found.proposals[loan.by]
            plain = pair(loan, parties, proposals, self._rule, self._config.partners, self._config.weight)
            pairs = pairs.with_columns(plain.pairs["weight"])
        return no_bridges(pairs) if self._bridging else pairs

    def _bridge(self, need: Need, route: Route) -> pl.DataFrame:
        """Pairs of a bridge."""
        fan, partners = self._config.bridges.fan, self._config.partners
        legs = [self._pair(leg, fan).pairs for leg in route.legs]
        first, last = route.legs[0], route.legs[-1]
        ends = (
            self._found.proposals[first.by].pool((first.borrower,)),
            self._found.proposals[last.by].pool(last.lenders, last.modality),
        )
        constraints = self._config.constraints
        ours, theirs = (with_placement(pool.facts, self._sources, constraints) for pool in ends)
        chains = within(follow(legs, fan), ours, theirs, constraints)
        pairs = bridged_pairs(chains, len(legs), partners, self._config.weight)
        return pairs.with_columns(shared_modality=pl.lit(route.by))

    def _pair(self, loan: Loan, partners: int) -> Paired:
        """Pairs of one loan weighted by their probabilities, remembered."""
        key = loan, partners
        if key not in self._paired:
            parties, proposals = self._found.spaces[loan.by], self._found.proposals[loan.by]
            check_lending(loan, proposals, 1)
            weight = self._config.weight.model_copy(update={"kind": "calibrated"})
            self._paired[key] = pair(loan, parties, proposals, self._rule, partners, weight)
            if (calibration := self._paired[key].calibration) is not None:
                self._found.calibrations[loan.name] = calibration
        return self._paired[key]

    def _lending(self, need: Need) -> int:
        """How many windows could lend, by any route."""
        legs = [route.legs[-1] for route in need.routes]
        pools = [self._found.proposals[leg.by].pool(leg.lenders, leg.modality).windows for leg in legs]
        return pl.concat(pools).n_unique()

    def _given(self, pairs: pl.DataFrame, route: Route) -> int:
        """Pairs of a table that a route gave."""
        lenders = [self._found.proposals[route.legs[-1].by].pool((lender,)).windows for lender in route.lenders]
        mine = pairs.filter(shared_modality=route.by)
        if route.bridged:
            first = route.legs[0]
            passing = self._found.proposals[first.by].pool(first.lenders).windows
            mine = mine.filter(pl.col("bridge").list.first().is_in(passing.implode()))
        return int(mine["partner"].is_in(pl.concat(lenders).implode()).sum())

    def _refused(self, need: Need, pairs: pl.DataFrame) -> tuple[int, dict[str, int]]:
        """Windows of the borrower, and those without a partner by reason."""
        first = [route.legs[0] for route in need.routes]
        parties = [self._found.spaces[leg.by][need.borrower] for leg in first]
        store, bound = parties[0].store, pairs["anchor"].n_unique()
        if len(first) == 1 and not need.routes[0].bridged:
            paired = self._paired[first[0], self._config.partners]
            return len(store), {**parties[0].refused(modalities_of(first[0].by)[0]), **paired.refused}
        able = np.zeros(len(store), dtype=np.bool_)
        embedded = np.zeros(len(store), dtype=np.bool_)
        for leg, party in zip(first, parties, strict=True):
            able |= np.logical_and.reduce([store.present(name) for name in modalities_of(leg.by)])
            embedded[party.embedded] = True
        without = int(embedded.sum()) - bound
        counts = {
            NO_SHARED: int((~able & ~embedded).sum()),
            NOT_EMBEDDED: int((able & ~embedded).sum()),
            NO_ROUTE: without,
        }
        return len(store), {reason: count for reason, count in counts.items() if count}


def most_probable(routes: list[pl.DataFrame], partners: int) -> pl.DataFrame:
    """The most probable partners of every anchor over several routes.

    Ties go to the route that comes first, then to the better rank in it. The weights of an anchor
    are scaled down where they add up to more than any of its routes would have given.

    Args:
        routes: pairs of each route, with ``probability``; the same columns in any order.
        partners: how many partners an anchor may have.
    """
    columns = routes[0].columns
    every = pl.concat([pairs.select(columns).with_columns(route=pl.lit(at)) for at, pairs in enumerate(routes)])
    order = ["anchor", "probability", "route", "rank"]
    ordered = every.sort(order, descending=[name == "probability" for name in order])
    ordered = ordered.unique(["anchor", "partner"], keep="first", maintain_order=True)
    chosen = ordered.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("anchor"))
    chosen = chosen.filter(pl.col("rank") <= partners)
    most = _sums(every, ["anchor", "route"]).group_by("anchor").agg(pl.col("sum").max().alias("most"))
    given = _sums(chosen, ["anchor"]).rename({"sum": "given"})
    scaled = chosen.join(most, on="anchor", how="left", maintain_order="left")
    scaled = scaled.join(given, on="anchor", how="left", maintain_order="left")
    factor = pl.when(pl.col("given") > pl.col("most")).then(pl.col("most") / pl.col("given")).otherwise(1.0)
    return scaled.with_columns(weight=pl.col("weight") * factor).select(columns)


def _sums(pairs: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Sums of weights, added in the order of the pairs whatever the threads."""
    ordered = pairs.sort(*keys, maintain_order=True)
    groups = ordered.group_by(keys, maintain_order=True).len()
    starts = np.concatenate([[0], np.cumsum(groups["len"].to_numpy())[:-1]]).astype(np.int64)
    weights = ordered["weight"].to_numpy()
    return groups.drop("len").with_columns(sum=pl.Series(np.add.reduceat(weights, starts) if len(starts) else weights))

"""Meeting needs: every route proposes partners, and an anchor takes the best of all.

With one shared modality every need is met by one direct loan. Where the study names several,
a need may have several routes, direct ones in unlike spaces or bridges, whose scores cannot
be compared. Probabilities can: an anchor takes the most probable partners of all routes. What
these then give it together is no more than one route would have given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmbind.binding.bridges import bridged_pairs, follow, no_bridges, within
from mmbind.binding.calibration import Calibration
from mmbind.binding.constraints import with_placement
from mmbind.binding.labelled import Witnesses
from mmbind.binding.pairs import Paired, pair
from mmbind.binding.plan import NOT_EMBEDDED, Loan, Party
from mmbind.binding.proposals import Proposals
from mmbind.binding.routes import Need, Route
from mmbind.binding.select import build_rule
from mmbind.config import Binding, Source, WeightMap
from mmbind.encoders.shared import NO_SHARED
from mmbind.encoders.spaces import SOLE, modalities_of
from mmbind.errors import InputError
from mmbind.schema import BRIDGES, PAIRS

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


class Broker:
    """Meets needs; what two routes share is paired once."""

    def __init__(
        self,
        spaces: Mapping[str, dict[str, Party]],
        proposals: Mapping[str, Proposals],
        sources: Mapping[str, Source],
        config: Binding,
        witnesses: Mapping[str, Witnesses] | None = None,
    ) -> None:
        """Remembers who takes part.

        Args:
            spaces: the unlabelled roles with their embeddings, by the key of the space.
            proposals: by key, the graphs to choose from.
            sources: the section ``sources``.
            config: the section ``binding``.
            witnesses: labelled windows by key of the space, where they tell which pairs are right.
        """
        self._witnesses = witnesses or {}
        self._spaces, self._proposals, self._sources, self._config = spaces, proposals, sources, config
        self._rule = build_rule(config.select)
        self._paired: dict[str, Paired] = {}

    @property
    def calibrations(self) -> dict[str, Calibration]:
        """From scores to probabilities where they were needed, by loan, e.g. ``A to B by acc, fan 5``, sorted."""
        return {name: each.calibration for name, each in sorted(self._paired.items()) if each.calibration}

    def meet(self, needs: list[Need]) -> list[Met]:
        """Finds the partners of every need over all its routes.

        Raises:
            InputError: when lenders are too few.
        """
        bridging = any(route.bridged for need in needs for route in need.routes)
        return [self._meet(need, bridging) for need in needs]

    def _meet(self, need: Need, bridging: bool) -> Met:
        """Meets one need; where any pair of the study is bridged all tables have the columns for it."""
        tables = [self._bridge(route) if route.bridged else self._direct(route) for route in need.routes]
        if bridging:
            tables = [pairs if "bridge" in pairs.columns else no_bridges(pairs) for pairs in tables]
        named = pl.lit(need.modality).alias("borrowed_modality")
        numbered = [pairs.with_columns(named, route=pl.lit(number)) for number, pairs in enumerate(tables)]
        pairs = most_probable(numbered, self._config.partners) if len(numbered) > 1 else numbered[0]
        per_route = [pairs.filter(route=number).height for number in range(len(numbered))]
        extra = ["score", *(["probability"] if "probability" in pairs.columns else []), *(BRIDGES if bridging else ())]
        pairs = pairs.select(*PAIRS, *extra)
        return Met(need, pairs, *self._refused(need, pairs), self._lending(need), per_route)

    def _direct(self, route: Route) -> pl.DataFrame:
        """Pairs of a direct route, with their probabilities where there are several spaces."""
        (loan,) = route.legs
        check_lending(loan, self._proposals[loan.by], self._config.partners)
        return self._pair(loan, self._config.partners, self._config.weight, loan.name).pairs

    def _bridge(self, route: Route) -> pl.DataFrame:
        """Pairs of a bridge."""
        fan, constraints = self._config.bridges.fan, self._config.constraints
        probability = WeightMap.model_validate({**self._config.weight.model_dump(), "kind": "calibrated"})
        for leg in route.legs:
            check_lending(leg, self._proposals[leg.by], 1)
        legs = [self._pair(leg, fan, probability, f"{leg.name}, fan {fan}").pairs for leg in route.legs]
        first, last = route.legs[0], route.legs[-1]
        ends = (
            self._proposals[first.by].pool((first.borrower,)),
            self._proposals[last.by].pool(last.lenders, last.modality),
        )
        ours, theirs = (with_placement(pool.facts, self._sources, constraints) for pool in ends)
        chains = within(follow(legs, fan), ours, theirs, constraints)
        pairs = bridged_pairs(chains, len(legs), self._config.partners, self._config.weight)
        return pairs.with_columns(shared_modality=pl.lit(route.by))

    def _pair(self, loan: Loan, partners: int, weight: WeightMap, name: str) -> Paired:
        """Pairs of one loan, remembered by the name of their calibration."""
        if name not in self._paired:
            parties, proposals = self._spaces[loan.by], self._proposals[loan.by]
            self._paired[name] = pair(
                loan,
                parties,
                proposals,
                self._rule,
                partners,
                weight,
                probable=loan.by != SOLE,
                witnesses=self._witnesses.get(loan.by),
            )
        return self._paired[name]

    def _lending(self, need: Need) -> int:
        """How many windows could lend, by any route."""
        legs = [route.legs[-1] for route in need.routes]
        pools = [self._proposals[leg.by].pool(leg.lenders, leg.modality).windows for leg in legs]
        return pl.concat(pools).n_unique()

    def _refused(self, need: Need, pairs: pl.DataFrame) -> tuple[int, dict[str, int]]:
        """Windows of the borrower, and those without a partner by reason."""
        first = [route.legs[0] for route in need.routes]
        parties = [self._spaces[leg.by][need.borrower] for leg in first]
        store = parties[0].store
        asked = [modalities_of(leg.by or self._proposals[leg.by].shared) for leg in first]
        if len(first) == 1 and not need.routes[0].bridged:
            return len(store), {**parties[0].refused(asked[0][0]), **self._paired[first[0].name].refused}
        able = np.zeros(len(store), dtype=np.bool_)
        embedded = np.zeros(len(store), dtype=np.bool_)
        for modalities, party in zip(asked, parties, strict=True):
            able |= np.logical_and.reduce([store.present(name) for name in modalities])
            embedded[party.embedded] = True
        counts = {
            NO_SHARED: int((~able & ~embedded).sum()),
            NOT_EMBEDDED: int((able & ~embedded).sum()),
            NO_ROUTE: int(embedded.sum()) - pairs["anchor"].n_unique(),
        }
        return len(store), {reason: count for reason, count in counts.items() if count}


def check_lending(loan: Loan, proposals: Proposals, partners: int) -> None:
    """Makes sure that enough windows can lend.

    Raises:
        InputError: when they are fewer than the partners asked for.
    """
    if (lending := len(proposals.pool(loan.lenders, loan.modality))) < partners:
        raise InputError(
            f"{loan.name}: only {lending} windows can lend, fewer than the {partners} partners asked for.",
            hint="Lower binding.partners or add recordings to the lending roles.",
        )


def most_probable(routes: list[pl.DataFrame], partners: int) -> pl.DataFrame:
    """The most probable partners of every anchor over several routes.

    Ties go to the route that comes first, then to the better rank in it. The weights of an anchor
    are scaled down where they add up to more than any of its routes would have given.

    Args:
        routes: pairs of each route, with its number (``route``) and ``probability``; the same
            columns in any order.
        partners: how many partners an anchor may have.
    """
    columns = routes[0].columns
    every = pl.concat([pairs.select(columns) for pairs in routes])
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

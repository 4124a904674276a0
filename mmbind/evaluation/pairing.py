"""All rules of pairing on one study, judged by the truth that binding never sees.

Every re-ranker is combined with every rule, beside two controls: partners drawn by chance,
and partners drawn among those of the same true label. Nothing is written to the study.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from mmbind.binding.find import find_needs, open_parties
from mmbind.binding.graph import Graph
from mmbind.binding.pairs import mutual_pairs, tabulate
from mmbind.binding.plan import Loan, Party
from mmbind.binding.proposals import Proposals
from mmbind.binding.quality import k_occurrence, skewness
from mmbind.binding.rerank import warped_correlation
from mmbind.binding.select import Rule, build_rule
from mmbind.config import Binding
from mmbind.config.binding import (
    Capped,
    Csls,
    KeepOrder,
    Mutual,
    Nearest,
    Ratio,
    Rerank,
    Select,
    Softmax,
    Transport,
    Warping,
)
from mmbind.evaluation.controls import random_graph, same_class_graph
from mmbind.progress import progress
from mmbind.study import Study
from mmbind.windows.store import WindowStore

#: Partners of the rule that spreads an anchor over several.
SEVERAL = 5


@dataclass(frozen=True)
class RuleResult:
    """One combination of steps; figures are means over the study's loans.

    Attributes:
        rerank: how candidates were re-ranked; ``-`` for controls.
        rule: the rule and its settings.
        configured: whether it is what ``params.yaml`` asks for.
        coverage: share of embedded anchors that were bound.
        purity: share of pairs with the same true label, weighted by their shares; None
            where labels are unknown.
        mutual: share of bound anchors whose first partner has the best score for them, too,
            and they for it.
        mutual_purity: purity of those; None without labels or without such pairs.
        lenders_used: share of lenders that were borrowed.
        hubness: largest number of loans of one window.
        hubness_skew: skewness of the number of loans.
        seconds: of search and re-ranking, which rules share, and of the rule.
        rule_seconds: of the rule alone.
        peak_mib: most memory that Python and NumPy held in search, re-ranking or rule, beside the embeddings; what
            Polars and FAISS hold by themselves is not seen.
    """

    rerank: str
    rule: str
    configured: bool
    coverage: float
    purity: float | None
    mutual: float
    mutual_purity: float | None
    lenders_used: float
    hubness: float
    hubness_skew: float
    seconds: float
    rule_seconds: float
    peak_mib: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, as JSON values."""
        return asdict(self)


def compare_rules(study: Study) -> list[RuleResult]:
    """Pairs a study's windows by every rule.

    Args:
        study: the study; its roles must be assigned and embedded.

    Returns:
        One result per combination, the controls first.

    Raises:
        MissingStageError: before assign or embed.
        InputError: when roles cannot be compared or nobody can lend.
    """
    config = study.params.binding
    warping = config.rerank if isinstance(config.rerank, Warping) else Warping()
    _compile()
    benches = [_Bench(study, rerank) for rerank in (KeepOrder(), warping)]
    costs = [bench.propose() for bench in benches]  # before anybody asks for the candidates
    results = _controls(benches[0], config.partners, study.params.training.seed)
    for bench, cost in zip(benches, costs, strict=True):
        for select, partners in progress(list(_selections(config)), f"bind compare: rules, {bench.name}"):
            known = (bench.rerank, select, partners) == (config.rerank, config.select, config.partners)
            name = _name(select) + (f", {partners} partners" if partners > config.partners else "")
            results.append(bench.judge(bench.name, name, bench.graph, build_rule(select), partners, cost, known))
    return results


def _compile() -> None:
    """Has numba compile, on next to nothing, what is timed afterwards."""
    build_rule(Transport()).select(random_graph(2, 2, 1, 0), 1)
    series = np.zeros((2, 2, 1), dtype=np.float32)
    warped_correlation(series, series, np.zeros((2, 1), dtype=np.int64), 1)


def _selections(config: Binding) -> Iterator[tuple[Select, int]]:
    """Every rule with its default settings and how many partners it takes, then the study's own."""
    rules: list[tuple[Select, int]] = [
        (Nearest(), config.partners),
        (Mutual(), config.partners),
        (Ratio(), config.partners),
        (Capped(), config.partners),
        (Csls(), config.partners),
        (Softmax(), max(SEVERAL, config.partners)),
        (Transport(damping=1.0), config.partners),
        (Transport(), config.partners),
    ]
    yield from ((select, partners) for select, partners in rules if select != config.select)
    yield config.select, config.partners


def _controls(bench: _Bench, partners: int, seed: int) -> list[RuleResult]:
    """Partners by chance, and by true label where both sides have labels."""

    def by_chance(loan: Loan) -> Graph:
        ours, theirs = bench.sides(loan)
        return random_graph(ours.height, theirs.height, partners, seed)

    def by_label(loan: Loan) -> Graph:
        ours, theirs = bench.sides(loan)
        return same_class_graph(ours["label"], theirs["label"], partners, seed)

    nearest = build_rule(Nearest())
    results = [bench.judge("-", "random (control)", by_chance, nearest, partners, (0.0, 0.0))]
    labels = pl.concat(list(bench.labels.values()))["label"]
    if labels.count():
        results.append(bench.judge("-", "same-class oracle (control)", by_label, nearest, partners, (0.0, 0.0)))
    return results


class _Bench:
    """A study's windows and their candidates under one re-ranker."""

    def __init__(self, study: Study, rerank: Rerank) -> None:
        params = study.params
        self.rerank = rerank
        self.name = rerank.kind if isinstance(rerank, KeepOrder) else _name(rerank)
        self.spaces = open_parties(study)
        needs = find_needs(self.spaces, params.shared, params.binding.bridges)
        self.loans = [route.legs[0] for need in needs for route in need.routes if not route.bridged]
        roles = {role: party for parties in self.spaces.values() for role, party in parties.items()}
        self.labels = {role: _labels(study, party) for role, party in sorted(roles.items())}
        # transport reads all candidates, so every rule finds what it needs
        config = params.binding.model_copy(update={"rerank": rerank, "select": Transport()})
        self._proposals = {
            key: Proposals(parties, config, params.sources, key or params.shared.modality)
            for key, parties in self.spaces.items()
        }

    def propose(self) -> tuple[float, float]:
        """Searches and re-ranks for all loans; seconds and peak MiB."""

        def work() -> None:
            for loan in self.loans:
                self.graph(loan)
                for lender in loan.lenders:
                    self._proposals[loan.by].between(loan.borrower, (lender,))

        return _cost(work)

    def graph(self, loan: Loan) -> Graph:
        """The candidates of a loan."""
        return self._proposals[loan.by].between(loan.borrower, loan.lenders, loan.modality)

    def sides(self, loan: Loan) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Anchors and lenders of a loan: facts and true label."""
        known = pl.concat(list(self.labels.values()))
        proposals = self._proposals[loan.by]
        pools = proposals.pool((loan.borrower,)), proposals.pool(loan.lenders, loan.modality)
        ours, theirs = (pool.facts.join(known, on="window", how="left", maintain_order="left") for pool in pools)
        return ours, theirs

    def judge(
        self,
        rerank: str,
        name: str,
        graph: Callable[[Loan], Graph],
        rule: Rule,
        partners: int,
        cost: tuple[float, float],
        configured: bool = False,
    ) -> RuleResult:
        """Applies a rule to all loans and compares the pairs with the truth."""
        graphs = {loan.name: graph(loan) for loan in self.loans}
        tables: dict[str, pl.DataFrame] = {}

        def work() -> None:
            for loan in self.loans:
                candidates, pools = graphs[loan.name], self.sides(loan)
                tables[loan.name] = tabulate(candidates, rule.select(candidates, partners), *pools)

        seconds, peak = _cost(work)
        figures = [self._figures(loan, tables[loan.name]) for loan in self.loans]
        return RuleResult(
            rerank=rerank,
            rule=name,
            configured=configured,
            **_means(figures),
            seconds=cost[0] + seconds,
            rule_seconds=seconds,
            peak_mib=max(cost[1], peak),
        )

    def _figures(self, loan: Loan, pairs: pl.DataFrame) -> dict[str, float | None]:
        ours, theirs = self.sides(loan)
        judged = (
            pairs.with_columns(mutual=mutual_pairs(loan, self.spaces[loan.by], self._proposals[loan.by], pairs))
            .join(ours.select(anchor="window", ours="label"), on="anchor", how="left", maintain_order="left")
            .join(theirs.select(partner="window", theirs="label"), on="partner", how="left", maintain_order="left")
        )
        first = judged.filter(pl.col("rank") == 1)
        occurrence = k_occurrence(pairs, theirs.height)
        return {
            "coverage": first.height / ours.height,
            "purity": _purity(judged),
            "mutual": int(first["mutual"].sum()) / max(first.height, 1),
            "mutual_purity": _purity(first.filter("mutual")),
            "lenders_used": int((occurrence > 0).sum()) / theirs.height,
            "hubness": float(occurrence.max()),
            "hubness_skew": skewness(occurrence),
        }


def _purity(judged: pl.DataFrame) -> float | None:
    known = judged.drop_nulls(["ours", "theirs"])
    if not known.height:
        return None
    return float(np.average((known["ours"] == known["theirs"]).to_numpy(), weights=known["share"].to_numpy()))


def _means(figures: list[dict[str, float | None]]) -> dict[str, Any]:
    """Means over loans of what is known."""
    means: dict[str, float | None] = {}
    for name in figures[0]:
        known = [value for loan in figures if (value := loan[name]) is not None]
        means[name] = float(np.mean(known)) if known else None
    return means


def _labels(study: Study, party: Party) -> pl.DataFrame:
    """True labels of a role's windows: window, label (null where unknown)."""
    windows = party.store.index.select("window")
    if not study.truth(party.role).is_dir():
        return windows.with_columns(label=pl.lit(None, pl.String))
    truth = WindowStore.open(study.truth(party.role), stage="assign").index.select("window", "label")
    return windows.join(truth, on="window", how="left", maintain_order="left")


def _cost(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds and peak MiB of a piece of work; what was held before does not count."""
    tracemalloc.start()
    begun = time.perf_counter()
    work()
    seconds, peak = time.perf_counter() - begun, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, peak / 2**20


def _name(settings: Select | Warping) -> str:
    """A kind and its settings, e.g. ``csls (neighbours 10)``."""
    values = settings.model_dump(exclude={"kind", "iterations"})
    inside = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"{settings.kind} ({inside})" if inside else settings.kind

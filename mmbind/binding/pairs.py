"""Step 3, *select*: from the graph of a loan to its table of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from mmbind.binding.calibration import Calibration, by_cycles, by_labels
from mmbind.binding.constraints import FORBIDDEN
from mmbind.binding.graph import Floats, Graph, Ints, Mask
from mmbind.binding.labelled import Witnesses
from mmbind.binding.plan import Loan, Party
from mmbind.binding.proposals import Proposals
from mmbind.binding.select import Rule, Selection
from mmbind.binding.select.base import values_of
from mmbind.binding.weights import weigh
from mmbind.config import WeightMap
from mmbind.schema import PAIRS


@dataclass(frozen=True)
class Paired:
    """What one loan gave.

    Attributes:
        pairs: columns of ``schema.PAIRS``, ``score`` and, where there is a calibration,
            ``probability``, by anchor and rank.
        refused: embedded anchors without a partner, by reason.
        calibration: from scores to probabilities; None where nobody asked for them.
    """

    pairs: pl.DataFrame
    refused: dict[str, int]
    calibration: Calibration | None = None


def pair(
    loan: Loan,
    parties: dict[str, Party],
    proposals: Proposals,
    rule: Rule,
    partners: int,
    weight: WeightMap,
    *,
    probable: bool = False,
    witnesses: Witnesses | None = None,
) -> Paired:
    """Chooses the partners of one loan.

    Args:
        loan: who borrows what.
        parties: the unlabelled roles.
        proposals: the graphs between them.
        rule: the rule.
        partners: how many partners an anchor may have.
        weight: from a pair's score to its weight.
        probable: whether to calibrate in any case, not only where weights are probabilities.
        witnesses: labelled windows that tell which scores are right; cycles do when None.
    """
    graph = proposals.between(loan.borrower, loan.lenders, loan.modality)
    anchors, pool = proposals.pool((loan.borrower,)), proposals.pool(loan.lenders, loan.modality)
    selection = rule.select(graph, partners)
    table = tabulate(graph, selection, anchors.facts, pool.facts)
    calibration, by_chance = None, weight.kind == "calibrated"
    if by_chance or probable:
        if witnesses is None:
            back = rule.select(graph.transposed, partners)
            calibration = by_cycles(graph, selection, back, anchors.vectors, weight.neighbours)
        else:
            asked = loan.borrower, loan.lenders, loan.modality
            scores = proposals.scores_among(*asked, witnesses.vectors, witnesses.signals)
            calibration = by_labels(scores, witnesses.labels, witnesses.people)
        table = table.with_columns(pl.Series("probability", calibration(table["score"].to_numpy())))
    weights = table["probability"].to_numpy() if by_chance else weigh(table["score"].to_numpy(), weight)
    table = table.with_columns(
        pl.Series("weight", weights * table["share"].to_numpy()),
        shared_modality=pl.lit(proposals.shared),
        borrowed_modality=pl.lit(loan.modality),
        mutual=mutual_pairs(loan, parties, proposals, table),
    )
    extra = ["score", *(["probability"] if calibration else [])]
    return Paired(table.select(*PAIRS, *extra), _refused(graph, selection, rule), calibration)


def tabulate(graph: Graph, selection: Selection, anchors: pl.DataFrame, lenders: pl.DataFrame) -> pl.DataFrame:
    """The chosen edges, one row each: ids and sources, similarity, score, rank, margin, share.

    Args:
        graph: the candidates.
        selection: which of them were chosen.
        anchors: window and source of every row of the graph.
        lenders: window and source of every column.
    """
    rows, ranks = np.nonzero(selection.edges >= 0)
    edges = selection.edges[rows, ranks]
    columns = graph.lenders[edges]
    scores = graph.scores[edges]
    return pl.DataFrame(
        {
            "anchor": anchors["window"][rows],
            "anchor_source": anchors["source"][rows],
            "partner": lenders["window"][columns],
            "partner_source": lenders["source"][columns],
            "similarity": graph.similarities[edges],
            "score": scores,
            "rank": (ranks + 1).astype(np.int32),
            "margin": pl.Series(scores - _left(graph, selection.edges)[rows]).fill_nan(None),
            "share": selection.shares[rows, ranks],
        }
    )


def _left(graph: Graph, edges: Ints) -> Floats:
    """The best score of every anchor's candidates that were not taken (anchors); NaN for none."""
    rest = graph.scores.copy()
    rest[edges[edges >= 0]] = -np.inf
    return values_of(rest, graph.best(1, rest)[:, 0], np.nan)


def mutual_pairs(loan: Loan, parties: dict[str, Party], proposals: Proposals, pairs: pl.DataFrame) -> pl.Series:
    """Whether each window of a pair has the best score for the other, in the other's role.

    Args:
        loan: whose pairs they are.
        parties: the unlabelled roles.
        proposals: the graphs between them.
        pairs: with anchor and partner.
    """
    both = pl.Series("mutual", np.zeros(pairs.height, dtype=np.bool_))
    ours = parties[loan.borrower].facts["window"]
    for lender in loan.lenders:
        theirs = parties[lender].facts["window"]
        graph = proposals.between(loan.borrower, (lender,))
        there, back = _named(graph.favourites(), theirs), _named(graph.transposed.favourites(), ours)
        joined = pairs.join(
            pl.DataFrame({"anchor": ours, "there": there}), on="anchor", how="left", maintain_order="left"
        ).join(pl.DataFrame({"partner": theirs, "back": back}), on="partner", how="left", maintain_order="left")
        agree = (joined["there"] == joined["partner"]) & (joined["back"] == joined["anchor"])
        both |= agree.fill_null(value=False)
    return both


def _named(rows: Ints, windows: pl.Series) -> pl.Series:
    """Ids of rows; null for -1."""
    return windows.gather(pl.Series(np.maximum(rows, 0))).zip_with(
        pl.Series(rows >= 0), pl.Series([None], dtype=pl.String).new_from_index(0, len(rows))
    )


def _refused(graph: Graph, selection: Selection, rule: Rule) -> dict[str, int]:
    """Anchors of the graph without a partner, by reason."""
    without: Mask = ~selection.bound
    empty = np.diff(graph.starts) == 0
    counts = {FORBIDDEN: int((without & empty).sum()), rule.refusal: int((without & ~empty).sum())}
    return {reason: count for reason, count in counts.items() if count}

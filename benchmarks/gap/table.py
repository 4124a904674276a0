"""Purity of the pairs of ``studies/falls`` per switch: representation, alignment, re-ranking, rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.results import table
from mmbind.binding.find import find_pairs
from mmbind.config import Binding, Rotation, WeightMap
from mmbind.config.binding import Csls, KeepOrder, Nearest, Rerank, Select, Transport, Warping
from mmbind.evaluation.pairing_table import embedded, other_shared
from mmbind.study import Study

#: Rules, and what the table calls them.
RULES: dict[str, Select] = {"nearest": Nearest(), "CSLS": Csls(), "0.6": Transport()}
#: Partners per window, and candidates that the search proposes.
PARTNERS, CANDIDATES = 5, 64


@dataclass(frozen=True)
class Row:
    """One setting of the switches.

    Attributes:
        representation: what the statistics are of (``shared.representation``).
        align: what embeddings of a source lose (``shared.align``).
        view: what is warped; empty for no re-ranking.
        share: the embedding's share in the score.
        rules: names in :data:`RULES`.
    """

    representation: str
    align: str = "none"
    view: str = ""
    share: float = 0.0
    rules: tuple[str, ...] = ("CSLS",)

    @property
    def rerank(self) -> Rerank:
        """As ``binding.rerank`` has it."""
        if not self.view:
            return KeepOrder()
        return Warping.model_validate({"view": self.view, "embedding": self.share})

    @property
    def reranking(self) -> str:
        """In words."""
        share = {0.0: "alone", 0.5: "half"}.get(self.share, f"1 - {self.share:g}")
        return f"`{self.view}`, {share}" if self.view else "none"

    def chosen(self, study: Study) -> bool:
        """Whether the study is set so, whatever its rule."""
        shared, binding = study.params.shared, study.params.binding
        ours = shared.representation, shared.align, binding.rerank
        return shared.encoder == "statistics" and ours == (self.representation, self.align, self.rerank)


ROWS = (
    Row("raw", rules=("nearest", "CSLS")),
    Row("raw", view="magnitude", share=0.5),
    Row("magnitude", rules=("nearest", "CSLS")),
    Row("vertical", rules=("nearest", "CSLS", "0.6")),
    Row("vertical", view="magnitude", share=0.5),
    Row("vertical_magnitude", rules=("nearest", "CSLS", "0.6")),
    Row("vertical_magnitude", view="vertical", share=0.5),
    Row("vertical_magnitude", view="magnitude"),
    Row("vertical_magnitude", view="magnitude", share=0.5, rules=("nearest", "CSLS", "0.6")),
    *(Row("vertical_magnitude", align, "magnitude", 0.5) for align in ("standardise", "coral", "whiten")),
)


@dataclass(frozen=True)
class Purity:
    """Shares of pairs whose windows have the same true label, means over the loans.

    Attributes:
        every: of all pairs.
        first: of first partners.
        mutual: of first partners that are mutual; None where there are none.
        often: share of first partners that are mutual.
    """

    every: float
    first: float
    mutual: float | None
    often: float

    @classmethod
    def of(cls, pairs: pl.DataFrame, labels: pl.DataFrame) -> Purity:
        """Judges pairs.

        Args:
            pairs: ``schema.PAIRS``.
            labels: window and label of every window, null where it is unknown; pairs without are left out.
        """
        ours = labels.rename({"window": "anchor", "label": "anchor_label"})
        theirs = labels.rename({"window": "partner", "label": "partner_label"})
        known = pairs.join(ours, on="anchor", how="left").join(theirs, on="partner", how="left")
        known = known.drop_nulls(["anchor_label", "partner_label"])
        judged = known.with_columns(same=pl.col("anchor_label") == pl.col("partner_label"))
        first = judged.filter(rank=1)
        mutual = first.filter("mutual")
        found = _mean(mutual) if mutual.height else None
        return cls(_mean(judged), _mean(first), found, mutual.height / max(first.height, 1))


def measure(study: Study, row: Row, work: Path) -> dict[str, Purity]:
    """The purity of one setting, by rule.

    Args:
        study: a study whose windows are cut.
        row: the setting.
        work: folder where searches are kept from one rule to the next.
    """
    text = f"encoder=statistics representation={row.representation} align={row.align}"
    name = f"gap_{row.representation}_{row.align}"
    turned = embedded(other_shared(study, text), Rotation(name=name, subjects={}))
    index = [
        pl.read_parquet(turned.truth(role) / "index.parquet", glob=False) for role in turned.params.unlabelled_roles
    ]
    labels = pl.concat([each.select("window", "label") for each in index])
    found = {}
    for rule in row.rules:
        config = Binding(
            partners=PARTNERS,
            candidates=CANDIDATES,
            rerank=row.rerank,
            select=RULES[rule],
            weight=WeightMap(kind="none"),
        )
        found[rule] = Purity.of(find_pairs(turned, config, memory=work / name).pairs, labels)
    return found


def shown(study: Study, results: Sequence[tuple[Row, dict[str, Purity]]]) -> str:
    """The table, as Markdown; what the study names is in bold."""
    rows = []
    for row, found in results:
        ours = row.chosen(study)
        names = [_bold(name, ours and RULES[name] == study.params.binding.select) for name in row.rules]
        cells = [
            [_bold(_figure(value), "**" in name) for name, value in zip(names, values, strict=True)]
            for values in (
                [found[rule].every for rule in row.rules],
                [found[rule].first for rule in row.rules],
                [found[rule].mutual for rule in row.rules],
                [found[rule].often for rule in row.rules],
            )
        ]
        settings = [f"`{row.representation}`", row.align, row.reranking]
        rows.append([*(_bold(text, ours) for text in settings), *(" / ".join(each) for each in (names, *cells))])
    titles = ["statistics of", "align", "re-rank", "rule", "all partners", "first", "mutual", "that are mutual"]
    return table(titles, rows)


def _mean(judged: pl.DataFrame) -> float:
    """The share of pairs that are the same, mean of the loans."""
    shares = judged.group_by("borrowed_modality").agg(pl.col("same").mean()).sort("borrowed_modality")["same"]
    return float(np.mean(shares.to_numpy())) if len(shares) else 0.0


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".removeprefix("0")


def _bold(text: str, bold: bool) -> str:
    return f"**{text}**" if bold else text

"""The stage report: what a binding is worth, as a page, as metrics and as plots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from markupsafe import Markup

from mmbind.files import write_json, write_text
from mmbind.reports import figures
from mmbind.reports.evidence import Evidence, read_evidence
from mmbind.reports.gallery import draw_gallery
from mmbind.reports.page import write_page
from mmbind.reports.purity import Purity, purity_by_similarity, purity_of
from mmbind.reports.quality import Quality, occurrence_table, quality_of, spread
from mmbind.reports.reliability import Reliability, reliability_of
from mmbind.reports.routes import Routes, figures_of, lines_of, routes_of
from mmbind.study import Study
from mmbind.versions import References, Version
from mmbind.versions.version import CURRENT

#: Bins of the similarity and margin distributions.
BINS = 40
#: The hubness figure counts windows borrowed this often or more as one.
MOST_TIMES = 12


@dataclass(frozen=True)
class BindingReportSummary:
    """What the report found.

    Attributes:
        metrics: as written to ``study.metrics("binding")``.
        report: the page.
        routes: purity by route, where there may be several.
    """

    metrics: dict[str, Any]
    report: Path
    routes: Routes | None = None

    def lines(self) -> list[str]:
        """Headline figures and the page's path."""
        metrics = self.metrics
        similarity = metrics["similarity"].get("mean")
        lines = [
            f"{metrics['pairs']} pairs, mean similarity {'unknown' if similarity is None else f'{similarity:.3f}'}, "
            f"mutual {metrics['mutual']:.1%}"
        ]
        if "purity" in metrics:
            purity = metrics["purity"]
            mutual = f", mutual pairs {purity['mutual']:.3f}" if "mutual" in purity else ""
            lines.append(f"purity {purity['mean']:.3f} (chance {purity['chance']:.3f}{mutual})")
        else:
            lines.append("purity unknown: no pair has two labels")
        routes = [] if self.routes is None else lines_of(self.routes)
        return [*lines, *routes, f"report: {self.report}"]


def write_binding_report(study: Study) -> BindingReportSummary:
    """Measures a binding and writes page, metrics and plots.

    Writes ``study.report("binding")``, ``study.metrics("binding")`` and the plots
    ``similarity`` (direction, similarity: lower edge of the bin, pairs) and ``hubness``
    (direction, borrowed: times, windows). Labels are read from the truth stores, for
    evaluation only; without them there is no purity and the page says so.

    Args:
        study: a study that has been bound.

    Raises:
        MissingStageError: before assign or bind.
        DataError: when the pairs are of other roles.
        InputError: when two roles hold the same window.
    """
    evidence = read_evidence(study)
    qualities = {name: quality_of(_of(evidence, name), lenders) for name, lenders in sorted(evidence.lenders.items())}
    purity = purity_of(evidence.pairs, evidence.lenders)
    reliability = reliability_of(evidence.pairs)
    routes = routes_of(evidence)
    metrics = _metrics(evidence.pairs, qualities, purity, reliability)
    metrics = _rounded({**metrics, **({} if routes is None else {"routes": figures_of(routes)})})
    edges = _edges(evidence.pairs["similarity"], upper=1.0)
    best, worst = draw_gallery(evidence.pairs, evidence.stores, study.params.report.drawn_pairs)
    write_json(study.metrics("binding"), metrics)
    write_text(study.plots("similarity"), _similarity_table(evidence, edges).write_csv())
    write_text(study.plots("hubness"), _hubness_table(qualities).write_csv())
    write_page(
        study.report("binding"),
        "Binding report",
        "binding",
        metrics=metrics,
        qualities=qualities,
        purity=purity,
        roles=[_role(study, evidence, role) for role in evidence.stores],
        shared=" or ".join(study.params.shared.named),
        routes=routes,
        plots=_plots(evidence, qualities, purity, reliability, edges),
        reliability=reliability,
        told_by=evidence.manifest.get("params", {}).get("weight", {}).get("by", "cycles"),
        best=best,
        worst=worst,
        accepted=_against_accepted(study, evidence.manifest, metrics),
        versions=_versions(evidence.manifest),
        parameters=flat({**evidence.manifest.get("params", {}), "shared": study.params.shared.model_dump()}),
    )
    return BindingReportSummary(metrics, study.report("binding"), routes)


def flat(value: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Nested values as text by dotted name, sorted."""
    rows: dict[str, str] = {}
    for name in sorted(value):
        inner, key = value[name], f"{before}{name}"
        rows |= flat(inner, f"{key}.") if isinstance(inner, Mapping) else {key: str(inner)}
    return rows


def _of(evidence: Evidence, direction: str) -> pl.DataFrame:
    return evidence.pairs.filter(pl.col("direction") == direction)


def _metrics(
    pairs: pl.DataFrame, qualities: dict[str, Quality], purity: Purity | None, reliability: Reliability | None
) -> dict[str, Any]:
    """Plain nested numbers. Spreads are over all pairs, other means over directions."""
    metrics: dict[str, Any] = {
        "pairs": pairs.height,
        "anchors": {name: quality.anchors for name, quality in qualities.items()},
        "similarity": spread(pairs["similarity"]),
        "margin": spread(pairs["margin"]),
        "weight": spread(pairs["weight"]),
        "mutual": float(np.mean([quality.mutual for quality in qualities.values()])) if qualities else 0.0,
        "hubness": {
            name: {"skewness": quality.skewness, "most_borrowed": quality.most_borrowed, "unused": 1 - quality.covered}
            for name, quality in qualities.items()
        },
        "coverage": {name: quality.coverage for name, quality in qualities.items()},
    }
    if purity is not None:
        metrics["purity"] = {
            "mean": purity.mean,
            "chance": purity.chance,
            "labelled_pairs": purity.labelled,
            **({} if purity.mutual is None else {"mutual": purity.mutual}),
            "directions": {name: direction.purity for name, direction in purity.directions.items()},
        }
    if reliability is not None:
        metrics["calibration_error"] = reliability.error
    return metrics


def _rounded(value: Any) -> Any:
    """Numbers to six digits: the last bits may differ between machines."""
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def _edges(values: pl.Series, *, upper: float | None = None) -> npt.NDArray[np.float64]:
    """Bin edges, from a round number below the smallest value to the largest (or ``upper``)."""
    known = values.drop_nulls().drop_nans()
    low, high = (0.0, 1.0) if not len(known) else (float(known.to_numpy().min()), float(known.to_numpy().max()))
    high = max(high, upper) if upper is not None else high
    low, high = math.floor(low * 20) / 20, math.ceil(high * 20) / 20
    edges: npt.NDArray[np.float64] = np.linspace(low, max(high, low + 0.05), BINS + 1, dtype=np.float64)
    return edges.round(6)


def _similarity_table(evidence: Evidence, edges: npt.NDArray[np.float64]) -> pl.DataFrame:
    parts = [
        pl.DataFrame(
            {
                "direction": [name] * (len(edges) - 1),
                "similarity": edges[:-1],
                "pairs": np.histogram(_of(evidence, name)["similarity"].to_numpy(), bins=edges)[0],
            }
        )
        for name in evidence.directions
    ]
    schema = {"direction": pl.String, "similarity": pl.Float64, "pairs": pl.Int64}
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _hubness_table(qualities: dict[str, Quality]) -> pl.DataFrame:
    parts = []
    for name, quality in qualities.items():
        times, windows = occurrence_table(quality.occurrence)
        parts.append(pl.DataFrame({"direction": [name] * len(times), "borrowed": times, "windows": windows}))
    schema = {"direction": pl.String, "borrowed": pl.Int64, "windows": pl.Int64}
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _plots(
    evidence: Evidence,
    qualities: dict[str, Quality],
    purity: Purity | None,
    reliability: Reliability | None,
    edges: npt.NDArray[np.float64],
) -> dict[str, Markup]:
    """The page's distributions by name; ``purity`` and ``reliability`` only where labels are known."""
    columns = {
        column: {name: _known(_of(evidence, name)[column]) for name in evidence.directions}
        for column in ("similarity", "margin", "weight")
    }
    plots = {
        "similarity": figures.histogram(
            columns["similarity"], alt="Distribution of similarity", x_label="cosine similarity", edges=edges
        ),
        "margin": figures.histogram(
            columns["margin"],
            alt="Distribution of the margin",
            x_label="similarity minus that of the next candidate",
            edges=_edges(evidence.pairs["margin"]),
        ),
        "weight": figures.histogram(
            columns["weight"],
            alt="Distribution of weights",
            x_label="weight in training",
            edges=np.linspace(0, 1, BINS + 1),
        ),
        "hubness": _hubness_plot(qualities),
    }
    if purity is not None:
        binned = {name: purity_by_similarity(_of(evidence, name)) for name in purity.directions}
        plots["purity"] = figures.curves(
            {name: (bins["similarity"].to_numpy(), bins["purity"].to_numpy()) for name, bins in binned.items()},
            alt="Purity of pairs by their similarity",
            x_label="mean similarity of a tenth of the pairs",
            y_label="purity",
            reference=("chance", purity.chance),
        )
    if reliability is not None:
        parts = reliability.bins.partition_by("direction", as_dict=True, maintain_order=True)
        plots["reliability"] = figures.curves(
            {str(name): (part["probability"].to_numpy(), part["right"].to_numpy()) for (name,), part in parts.items()}
            | {"as it should be": (np.array([0.0, 1.0]), np.array([0.0, 1.0]))},
            alt="Share of right pairs by their probability",
            x_label="probability that the pair is right",
            y_label="share that is right",
        )
    return plots


def _known(values: pl.Series) -> npt.NDArray[np.float64]:
    return values.drop_nulls().drop_nans().to_numpy()


def _hubness_plot(qualities: dict[str, Quality]) -> Markup:
    """Shares of lenders borrowed 0, 1, 2, ... times; the tail is one bar."""
    most = min(MOST_TIMES, max((quality.most_borrowed for quality in qualities.values()), default=0))
    shares = {
        name: np.bincount(np.minimum(quality.occurrence, most), minlength=most + 1) / max(quality.lenders, 1)
        for name, quality in qualities.items()
    }
    categories = [str(times) for times in range(most + 1)]
    if most == MOST_TIMES:
        categories[-1] += "+"
    return figures.bars(
        categories,
        {name: heights.tolist() for name, heights in shares.items()},
        alt="How often windows are borrowed",
        x_label="times borrowed",
        y_label="share of lenders",
        percent=True,
    )


def _role(study: Study, evidence: Evidence, role: str) -> dict[str, Any]:
    store, config = evidence.stores[role], study.params.roles[role]
    return {
        "name": role,
        "sources": config.sources,
        "modalities": config.modalities,
        "windows": len(store),
        "subjects": store.index["subject"].n_unique(),
    }


def _against_accepted(study: Study, manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """The accepted version's id and each figure then and now; None when no version is accepted."""
    accepted = References.of(study).accepted
    if accepted is None:
        return None
    before, after = accepted.figures, Version(CURRENT, manifest, metrics).figures
    rows = [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    return {"id": accepted.id, "same": accepted.id == manifest.get("id"), "rows": rows}


def _versions(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The binding's id and the digests of all that it was made of and wrote."""
    inputs = flat({name: manifest[name] for name in ("inputs", "digests") if name in manifest})
    return {"binding": str(manifest.get("id", "unknown")), **inputs}

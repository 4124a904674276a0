"""A version of a binding: what it was made of, how good it is, and its pairs where they can be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.errors import DataError, InputError, MissingStageError
from mmbind.files import read_json
from mmbind.schema import PAIRS, conform
from mmbind.study import Study

#: The version that lies in ``data/bindings`` now.
CURRENT = "current"
#: Letters of an id that people are shown.
SHORT = 12


@dataclass(frozen=True)
class Version:
    """A binding that was made at some time.

    Attributes:
        name: how it was asked for: ``current``, ``accepted``, a tag, a revision or an id.
        manifest: its ``manifest.json``: id, inputs, params, counts, digests, quality.
        metrics: the binding report's figures (``data/metrics/binding.json``), purity where
            labels were known; empty when they are not known.
        pairs_file: its ``pairs.parquet``, wherever it lies; None when it cannot be had.
    """

    name: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    pairs_file: Path | None = None

    @property
    def id(self) -> str:
        """What the binding describes, as a digest (hex)."""
        return str(self.manifest["id"])

    @property
    def title(self) -> str:
        """Name and short id, for people."""
        short = self.id[:SHORT]
        return short if self.id.startswith(self.name) else f"{self.name} ({short})"

    @property
    def figures(self) -> dict[str, float]:
        """Every figure of its quality by dotted name, sorted.

        ``bound`` (share of anchors that found a partner) and ``pairs`` from the counts,
        ``quality.*`` from the manifest, ``purity.*`` from the report where labels were known.
        """
        counts = self.manifest.get("counts", {})
        anchors = counts.get("anchors")
        figures = {
            "pairs": counts.get("pairs"),
            "bound": counts.get("bound", 0) / anchors if anchors else None,
            "quality": self.manifest.get("quality", {}),
            "purity": self.metrics.get("purity", {}),
        }
        return {
            name: float(value)
            for name, value in sorted(leaves(figures).items())
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

    def pairs(self) -> pl.DataFrame:
        """Its pairs, ``schema.PAIRS``.

        Raises:
            InputError: when they cannot be had any more.
            DataError: when the file is no table of pairs.
        """
        if self.pairs_file is None or not self.pairs_file.is_file():
            raise InputError(
                f"The pairs of {self.title} are not in the cache.",
                hint="Fetch them from the remote ('dvc fetch --all-commits'), or make them again from its revision.",
            )
        try:
            return conform(pl.read_parquet(self.pairs_file, glob=False), PAIRS, table="pairs")
        except pl.exceptions.PolarsError as error:
            raise DataError(f"is no Parquet file, or damaged: {error}.", path=self.pairs_file) from None


def current_version(study: Study) -> Version:
    """The version that lies in ``data/bindings`` now.

    Raises:
        MissingStageError: before bind.
    """
    if not (study.bindings / "manifest.json").is_file():
        raise MissingStageError(study.bindings, "bind")
    metrics = study.metrics("binding")
    return Version(
        name=CURRENT,
        manifest=read_json(study.bindings / "manifest.json"),
        metrics=read_json(metrics) if metrics.is_file() else {},
        pairs_file=study.bindings / "pairs.parquet",
    )


def leaves(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested values by dotted name."""
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        key = f"{before}{name}"
        flat |= leaves(inner, f"{key}.") if isinstance(inner, Mapping) else {key: inner}
    return flat

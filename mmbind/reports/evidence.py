"""What the binding report is written from: pairs, who took part, and the truth where known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from mmbind.errors import DataError, InputError, MissingStageError
from mmbind.files import read_json
from mmbind.schema import PAIRS, conform
from mmbind.study import Study
from mmbind.windows.store import WindowStore


@dataclass(frozen=True)
class Evidence:
    """A binding and the windows it speaks of.

    Attributes:
        pairs: ``schema.PAIRS`` and, of anchor and partner each, ``<side>_role``,
            ``<side>_subject`` and ``<side>_label`` (null when unknown), and ``direction``,
            e.g. ``A borrows gyro``.
        lenders: per direction, the windows that could lend (window, source, label).
        stores: window stores of the unlabelled roles.
        labels: true label of each of their windows (window, role, label), null when unknown.
        manifest: the binding's manifest.
    """

    pairs: pl.DataFrame
    lenders: dict[str, pl.DataFrame]
    stores: dict[str, WindowStore]
    labels: pl.DataFrame
    manifest: dict[str, Any]

    @property
    def directions(self) -> list[str]:
        """Sorted names of the directions."""
        return sorted(self.lenders)


def read_evidence(study: Study) -> Evidence:
    """Reads pairs, role stores and truth stores of a study.

    Labels come from the truth alone; a role without truth, or windows without labels, have
    null labels.

    Raises:
        MissingStageError: before assign or bind.
        DataError: when the pairs name a window that no role holds (they are of other roles).
        InputError: when two roles hold the same window.
    """
    pairs_path, manifest_path = study.bindings / "pairs.parquet", study.bindings / "manifest.json"
    for path in (pairs_path, manifest_path):
        if not path.is_file():
            raise MissingStageError(path, "bind")
    stores = {role: WindowStore.open(study.role(role), stage="assign") for role in study.params.unlabelled_roles}
    windows = pl.concat([_windows(study, role, store) for role, store in stores.items()])
    twice = windows.filter(pl.col("window").is_duplicated()).sort("window", "role")
    if twice.height:
        roles = " and ".join(twice["role"][:2])
        raise InputError(
            f"The window {twice['window'][0]!r} is in the roles {roles}.", hint="Give each role its own subjects."
        )
    pairs = conform(pl.read_parquet(pairs_path), PAIRS, table="pairs")
    for side in ("anchor", "partner"):
        facts = windows.select(
            pl.col("window").alias(side),
            *(pl.col(name).alias(f"{side}_{name}") for name in ("role", "subject", "label")),
        )
        pairs = pairs.join(facts, on=side, how="left", maintain_order="left")
        unknown = pairs.filter(pl.col(f"{side}_role").is_null())
        if unknown.height:
            raise DataError(
                "is a window of no unlabelled role.",
                path=pairs_path,
                column=side,
                value=unknown[side][0],
                hint="Run the stage 'bind' again (dvc repro bind).",
            )
    pairs = pairs.with_columns(direction=pl.format("{} borrows {}", "anchor_role", "borrowed_modality"))
    named = pairs.group_by("direction", "anchor_role", "borrowed_modality").agg(pl.col("shared_modality").unique())
    lenders = {
        name: _lenders(windows, role, [[lent, *last_of(each)] for each in sorted(shared)])
        for name, role, lent, shared in named.sort("direction").iter_rows()
    }
    labels = windows.select("window", "role", "label")
    return Evidence(pairs, lenders, stores, labels, read_json(manifest_path))


def last_of(shared: str) -> list[str]:
    """The modalities by which a partner was compared, of a pair's ``shared_modality``, e.g. ``acc > gyro+mag``."""
    return hops_of(shared)[-1]


def hops_of(shared: str) -> list[list[str]]:
    """The modalities by which windows were compared, pair after pair of a chain; see :func:`last_of`."""
    return [hop.split("+") for hop in shared.split(" > ")]


def _windows(study: Study, role: str, store: WindowStore) -> pl.DataFrame:
    """A role's windows: window, role, source, subject, modalities (list), label (true)."""
    has = pl.concat_list(
        [
            pl.when(pl.col(f"row_{name}").is_not_null()).then(pl.lit(name)).otherwise(pl.lit(None, pl.String))
            for name in sorted(store.modalities)
        ]
    )
    shown = store.index.select(
        "window", pl.lit(role).alias("role"), "source", "subject", has.list.drop_nulls().alias("modalities")
    )
    if not study.truth(role).is_dir():
        return shown.with_columns(label=pl.lit(None, pl.String))
    truth = WindowStore.open(study.truth(role), stage="assign").index.select("window", "label")
    return shown.join(truth, on="window", how="left", maintain_order="left")


def _lenders(windows: pl.DataFrame, borrower: str, ways: list[list[str]]) -> pl.DataFrame:
    """Windows of other roles that have all the modalities of one of some ways to be borrowed from."""
    has = pl.any_horizontal(
        pl.all_horizontal(pl.col("modalities").list.contains(name) for name in modalities) for modalities in ways
    )
    return windows.filter((pl.col("role") != borrower) & has).select("window", "source", "label")

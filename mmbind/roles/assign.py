"""The stage ``assign``: window stores of sources become window stores of roles.

Every role leaves two stores over the same windows in the same order: ``data/roles/<role>``
holds what the role shows, ``data/truth/<role>`` what it must not show, which only report,
evaluate and the control methods read. Signals are copied one shard at a time.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mmbind.config import TARGET
from mmbind.files import whole_folder
from mmbind.progress import progress
from mmbind.roles.draw import draw_labelled
from mmbind.roles.leakage import check_leakage
from mmbind.roles.select import INDEX, RoleWindows, select
from mmbind.study import Study
from mmbind.windows.store import ModalitySpec, StoreWriter, WindowStore


@dataclass(frozen=True)
class RoleSummary:
    """One role as written.

    Attributes:
        name: the role.
        windows: how many it has.
        subjects: people, counted per source.
        shown: its modalities, sorted.
        hidden: modalities that went to truth, sorted.
        labels: shown labels by class.
        passed_over: windows without any shown modality.
    """

    name: str
    windows: int
    subjects: int
    shown: list[str]
    hidden: list[str]
    labels: dict[str, int]
    passed_over: int

    def line(self) -> str:
        """The role in one line."""
        text = f"{self.name}: {self.windows} windows of {self.subjects} people, shows {', '.join(self.shown)}"
        if self.labels:
            fewest, most = min(self.labels.values()), max(self.labels.values())
            each = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            text += f" and {sum(self.labels.values())} labels ({each} per class, {len(self.labels)} classes)"
        text += f"; hides {', '.join([*self.hidden, 'all other labels' if self.labels else 'labels'])}"
        return text + (f"; {self.passed_over} windows show nothing and are left out" if self.passed_over else "")


@dataclass(frozen=True)
class RolesSummary:
    """What :func:`assign_roles` did.

    Attributes:
        roles: one entry per role, sorted by name.
        pruned: roles that ``params.yaml`` no longer names, and whose stores were removed.
    """

    roles: list[RoleSummary]
    pruned: list[str]

    def lines(self) -> list[str]:
        """One line per role, and what was pruned."""
        gone = [f"removed the role {name!r}: params.yaml no longer names it" for name in self.pruned]
        return [*(role.line() for role in self.roles), *gone]


def assign_roles(study: Study) -> RolesSummary:
    """Writes the stores of all roles and of their truth.

    A role's store has the role's modalities only and null labels, but for the drawn sample
    of the target and roles that are bound by their labels. Its truth has the other
    modalities of its sources and every label.

    Args:
        study: the study; reads ``data/windows``, writes ``data/roles`` and ``data/truth``.

    Returns:
        A line per role.

    Raises:
        MissingStageError: when a source has no windows yet.
        InputError: for unknown subjects or modalities, an empty role, sources that do not
            fit together, or fewer labelled windows than asked for.
        LeakageError: when roles share people or recordings, or test content is trained on.
    """
    params, shard_size = study.params, study.params.windows.shard_size
    sources = sorted({source for role in params.roles.values() for source in role.sources})
    stores = {source: WindowStore.open(study.windows(source), stage=f"window@{source}") for source in sources}
    roles = [select(name, role, stores) for name, role in sorted(params.roles.items())]
    check_leakage(study, roles, shard_size=shard_size)
    sample = params.roles[TARGET].labels
    drawn: dict[str, set[str] | None] = {name: None for name, role in params.roles.items() if role.show_labels}
    drawn |= {role.name: draw_labelled(role.index, sample) for role in roles if role.name == TARGET and sample}
    summaries = []
    for role in progress(roles, "assign: roles"):
        _write(study.truth(role.name), role, role.hidden, labelled=None, shard_size=shard_size)
        labels = _write(
            study.role(role.name), role, role.shown, labelled=drawn.get(role.name, set()), shard_size=shard_size
        )
        summaries.append(_summarise(role, labels))
    return RolesSummary(summaries, _prune(study))


def _write(
    path: Path,
    role: RoleWindows,
    modalities: dict[str, ModalitySpec],
    *,
    labelled: AbstractSet[str] | None,
    shard_size: int,
) -> dict[str, int]:
    """Writes one store; labels are kept where ``labelled`` names the window (None: all).

    Returns:
        The store's labels by class.
    """
    labels: Counter[str] = Counter()
    with whole_folder(path) as folder:
        writer = StoreWriter(folder, modalities)
        for part in role.shards(shard_size):
            index = part.select(INDEX)
            if labelled is not None:
                seen = pl.Series([window in labelled for window in index["window"]], dtype=pl.Boolean)
                index = index.with_columns(label=pl.when(seen).then("label"))
            labels.update(index["label"].drop_nulls())
            writer.add(index, {modality: role.gather(part, modality) for modality in modalities})
        counts = dict(sorted(labels.items()))
        writer.close({"windows": role.index.height, "passed_over": role.passed_over, "labels": counts})
    return counts


def _summarise(role: RoleWindows, labels: dict[str, int]) -> RoleSummary:
    return RoleSummary(
        name=role.name,
        windows=role.index.height,
        subjects=role.index.select("source", "subject").n_unique(),
        shown=list(role.shown),
        hidden=list(role.hidden),
        labels=labels,
        passed_over=role.passed_over,
    )


def _prune(study: Study) -> list[str]:
    """Removes the stores of roles that are no longer named, and says which."""
    gone = set()
    for folder in (study.data / "roles", study.data / "truth"):
        for path in sorted(folder.iterdir()):
            if path.is_dir() and path.name not in study.params.roles:
                shutil.rmtree(path)
                gone.add(path.name)
    return sorted(gone)

"""Ranks the shared modalities and encoders of a study without labels; checks itself where some exist."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from mmbind.advice import figures
from mmbind.advice.candidates import Candidate, candidates
from mmbind.config.shared import AlignmentName
from mmbind.encoders.contrastive import changed
from mmbind.encoders.model import SharedModel, fit_model
from mmbind.encoders.representations import AXES
from mmbind.encoders.shared import SharedWindows
from mmbind.encoders.store import Vectors, index_digest
from mmbind.errors import InputError
from mmbind.files import write_json
from mmbind.learning.checkpoint import work_name
from mmbind.learning.compute import derived_seed, deterministic
from mmbind.learning.scaling import Scaler
from mmbind.progress import progress
from mmbind.study import Study
from mmbind.windows.store import Signals, WindowStore

#: Figures that need no labels, in the order of the table; more is better.
FIGURES = ("cycle", "mutual", "agreement", "mixing")
#: Decimals of a figure; the last bits depend on the machine.
DIGITS = 4


@dataclass(frozen=True)
class Advice:
    """The ranking.

    Attributes:
        rows: one per candidate, best first: what it is, its figures, ``score`` and
            ``purity`` where labels are known, else None.
        agreement: rank correlation (Spearman) of purity with the score and with each figure;
            None where labels are missing or too alike.
        windows: windows looked at, by role.
        refused: candidates that could not be tried, and why.
    """

    rows: list[dict[str, Any]]
    agreement: dict[str, float] | None
    windows: dict[str, int]
    refused: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """A JSON value."""
        return {
            "candidates": self.rows,
            "agreement_with_purity": self.agreement,
            "windows": self.windows,
            "refused": self.refused,
        }


def advise(
    study: Study, *, learned: bool = False, alignments: Sequence[AlignmentName] = ("none",), limit: int = 1000
) -> Advice:
    """Tries every candidate on a sample of the unlabelled windows and ranks them.

    Windows are sampled by their ids, which are digests. Labels do not take part: the truth is
    opened after the ranking, to say how well it agrees with purity.
    Writes ``data/advice/advice.json``.

    Args:
        study: a study whose roles are assigned.
        learned: whether encoders that are trained take part; a killed run resumes.
        alignments: how sources may be aligned.
        limit: windows per role, at most.

    Returns:
        The ranking.

    Raises:
        MissingStageError: before assign.
        InputError: when roles share no modality, or a window holds NaN.
    """
    stores = {role: WindowStore.open(study.role(role), stage="assign") for role in study.params.unlabelled_roles}
    tried = candidates(stores, learned=learned, alignments=alignments)
    if not tried:
        have = "; ".join(f"{role}: {', '.join(sorted(store.modalities))}" for role, store in stores.items())
        raise InputError(
            f"The unlabelled roles share no modality on one grid and in one unit ({have}).",
            hint="Cut them on the same grid, or give the roles a modality in common.",
        )
    rows: list[dict[str, Any]] = []
    spaces: list[dict[str, Vectors]] = []
    ids: list[dict[str, list[str]]] = []
    refused: dict[str, str] = {}
    trained: tuple[Candidate, SharedModel] | None = None
    for candidate in progress(tried, "advise: candidates"):
        windows = SharedWindows.of(candidate.section(study.params.shared), stores, limit)
        try:
            same = trained if trained is not None and _alike(trained[0], candidate) else None
            row, space, model = _try(study, candidate, windows, None if same is None else same[1])
        except InputError as error:
            refused[" ".join(vars(candidate).values())] = str(error)
            continue
        trained = candidate, model
        rows.append(row)
        spaces.append(space)
        ids.append({role: [store.ids[at] for at in windows.usable(role)] for role, store in stores.items()})
    if not rows:
        raise InputError(next(iter(refused.values())), hint="No candidate could be tried.")
    for row, space, windows_of in zip(rows, spaces, ids, strict=True):
        row["purity"] = _purity(study, space, windows_of)
    ranked = sorted(rows, key=lambda row: (-row["score"], -row["cycle"], *(row[name] for name in vars(tried[0]))))
    counts = {role: max(len(each[role]) for each in ids) for role in stores}
    advice = Advice(ranked, agreement_with_purity(ranked), counts, refused)
    path = study.data / "advice" / "advice.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, advice.to_dict())
    return advice


def score_of(means: Mapping[str, float]) -> float:
    """What candidates are ranked by: cycle x agreement.

    Either alone misleads: between sources that do not mix, all partners agree on the same few
    windows (agreement high, cycles open); embeddings that say little mix well and close some
    cycles by chance (agreement low). The product was chosen among mean ranks and single
    figures on one pairing of UTD-MHAD and on SisFall against MobiFall; ``docs/encoders.md``
    tells how it did elsewhere.
    """
    return means["cycle"] * means["agreement"]


def agreement_with_purity(rows: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """Spearman's rank correlation of purity with the score and each figure.

    Returns:
        None for fewer than three rows with known purity, or purities that are all equal.
    """
    from scipy.stats import rankdata

    known = [row for row in rows if row["purity"] is not None]
    purities = rankdata([row["purity"] for row in known])
    if len(known) < 3 or not np.ptp(purities):
        return None
    found = {}
    for name in ("score", *FIGURES):
        ranks = rankdata([row[name] for row in known])
        found[name] = round(float(np.corrcoef(ranks, purities)[0, 1]), DIGITS) if np.ptp(ranks) else 0.0
    return found


def _alike(one: Candidate, other: Candidate) -> bool:
    """Whether two candidates differ in their alignment alone, so that their encoder is the same."""
    return replace(one, align=other.align) == other


def _try(
    study: Study, candidate: Candidate, windows: SharedWindows, trained: SharedModel | None
) -> tuple[dict[str, Any], dict[str, Vectors], SharedModel]:
    """Fits one candidate; its figures, the embeddings of each role, and its model."""
    shared, modality = windows.shared, candidate.modality
    recorded = {role: windows.recorded(role, modality, windows.usable(role)) for role in windows.stores}
    inputs = [index_digest(store) for store in windows.stores.values()]
    compute = study.params.compute.on_cpu
    work = study.work(work_name("advise", shared.model_dump(), compute.model_dump(), windows.limit, inputs))
    deterministic(compute, shared.seed)
    model, _ = fit_model(windows, {modality: np.concatenate(list(recorded.values()))}, work, trained)
    shutil.rmtree(work, ignore_errors=True)
    space = {role: _embed(model, windows, role, signals) for role, signals in recorded.items()}
    turn = not worn_alike(study) and not len(windows.specs[modality].channels) % AXES
    copies = [
        {
            role: _embed(model, windows, role, _changed(signals, shared.seed, role, copy, turn))
            for role, signals in recorded.items()
        }
        for copy in (0, 1)
    ]
    found = [_between(left, right, space, copies) for left, right in combinations(sorted(space), 2)]
    means = {name: round(float(np.mean([each[name] for each in found])), DIGITS) for name in FIGURES}
    return (
        {**vars(candidate), "dimensions": model.dimensions, **means, "score": round(score_of(means), DIGITS)},
        space,
        model,
    )


def _between(
    left: str, right: str, space: Mapping[str, Vectors], copies: Sequence[Mapping[str, Vectors]]
) -> dict[str, float]:
    """The figures of two roles."""
    ways = [(left, right), (right, left)]
    there = [figures.similarities(space[one], space[other]) for one, other in ways]
    home = [figures.similarities(space[one], space[one]) for one, _ in ways]
    seen = [[figures.similarities(copy[one], space[other]) for copy in copies] for one, other in ways]
    return {
        "cycle": figures.both_ways(lambda way: figures.cycle(there[way], home[way])),
        "mutual": figures.both_ways(lambda way: figures.mutual(there[way])),
        "agreement": figures.both_ways(lambda way: figures.agreement(*seen[way])),
        "mixing": figures.mixing(space[left], space[right]),
    }


def _embed(model: SharedModel, windows: SharedWindows, role: str, signals: Signals) -> Vectors:
    modality = model.modalities[0]
    numbers = torch.from_numpy(windows.source_numbers(role, windows.usable(role)))
    vectors: Vectors = model([windows.seen(signals, modality)], numbers).numpy().astype(np.float32)
    return vectors


def worn_alike(study: Study) -> bool:
    """Whether all unlabelled roles name one device and one placement; who names none is taken to be alike."""
    sources = {source for role in study.params.unlabelled_roles for source in study.params.roles[role].sources}
    identities = [study.params.sources[source].identity for source in sources]
    return len({each.device for each in identities}) < 2 and len({each.placement for each in identities}) < 2


def _changed(signals: Signals, seed: int, role: str, copy: int, turn: bool) -> Signals:
    """A changed copy of every window: uneven speed, scale, shift and noise, as contrastive training has them.

    Where sources are worn differently, every copy is also turned at random: what then agrees
    does not hang on how a device is worn.
    """
    if turn:
        rng = np.random.default_rng(derived_seed(seed, "advise turn", role, copy))
        matrices = Rotation.random(len(signals), rng=rng).as_matrix()
        axes = signals.astype(np.float64).reshape(*signals.shape[:2], -1, AXES)
        signals = np.einsum("nij,ntaj->ntai", matrices, axes).reshape(signals.shape).astype(np.float32)
    scaler = Scaler.fit(signals)
    generator = torch.Generator().manual_seed(derived_seed(seed, "advise", role, copy))
    moved = changed(torch.from_numpy(scaler.apply(signals)), generator).numpy()
    back: Signals = moved * scaler.deviation + scaler.mean
    return back


def _purity(study: Study, space: Mapping[str, Vectors], ids: Mapping[str, list[str]]) -> float | None:
    """Mean purity of nearest partners over all directions; None without truth."""
    labels: dict[str, list[str | None]] = {}
    for role, windows in ids.items():
        if not (study.truth(role) / "manifest.json").is_file():
            return None
        truth = WindowStore.open(study.truth(role), stage="assign")
        labels[role] = truth.index["label"][truth.positions(windows)].to_list()
    found = []
    for left, right in combinations(sorted(space), 2):
        for one, other in ((left, right), (right, left)):
            found.append(figures.purity(figures.similarities(space[one], space[other]), labels[one], labels[other]))
    known = [each for each in found if each is not None]
    return round(float(np.mean(known)), DIGITS) if known else None

"""Steps 1 and 2, *propose* and *re-rank*, between roles: the graphs that rules choose from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mmbind.binding.constraints import allowed, with_placement
from mmbind.binding.graph import Graph, build_graph
from mmbind.binding.memory import Memory, contents, update
from mmbind.binding.plan import Party, Pool
from mmbind.binding.rerank import Blend, warped_beside, warped_correlation, warped_views
from mmbind.binding.search import Candidates, nearest
from mmbind.binding.search.approximate import unsuited
from mmbind.binding.search.products import resolve
from mmbind.binding.select import build_rule
from mmbind.config import Binding, Source
from mmbind.config.binding import Constraints, Search, Warping
from mmbind.encoders.shared import gather_finite
from mmbind.encoders.spaces import modalities_of
from mmbind.files import short_id

#: Roles whose windows answer, and the modality that they must have.
Lenders = tuple[tuple[str, ...], str | None]


class Proposals:
    """Candidates between roles; what two loans share is searched and warped once.

    Memory: O(windows x candidates) per pair of roles.
    """

    def __init__(
        self,
        parties: Mapping[str, Party],
        config: Binding,
        sources: Mapping[str, Source],
        shared: str,
        *,
        memory: Path | None = None,
    ) -> None:
        """Remembers who takes part.

        Args:
            parties: the unlabelled roles.
            config: the section ``binding``.
            sources: the section ``sources``.
            shared: the shared modality, or the key of the space in which windows are compared.
            memory: folder where searches are remembered from one binding to the next; None
                for nowhere.
        """
        self._memory = memory
        #: What each remembered search cost, by who asked whom.
        self.costs: dict[str, str] = {}
        self._parties, self._config, self._sources = parties, config, sources
        #: The modality by which windows are compared.
        self.shared = shared
        #: How each search was made, by who asked whom.
        self.searches: dict[str, dict[str, Any]] = {}
        self._pools: dict[Lenders, Pool] = {}
        self._graphs: dict[tuple[Lenders, Lenders], Graph] = {}
        self._blends: dict[tuple[Lenders, Lenders], Blend] = {}

    @property
    def count(self) -> int:
        """Candidates per window: what the rule takes and the next one, or as many as are asked for."""
        config = self._config
        if isinstance(config.rerank, Warping) or build_rule(config.select).needs_candidates:
            return max(config.candidates, config.partners + 1)
        return config.partners + 1

    def pool(self, roles: tuple[str, ...], modality: str | None = None) -> Pool:
        """The embedded windows of some roles that have a modality (any when None)."""
        return self._pool(self._lenders(roles, modality))

    def between(self, role: str, lenders: tuple[str, ...], modality: str | None = None) -> Graph:
        """Candidates of a role's windows (rows) among the windows of other roles (columns).

        Args:
            role: whose windows ask.
            lenders: whose windows answer.
            modality: what an answering window must have; anything when None.
        """
        ours, theirs = self._lenders((role,), None), self._lenders(lenders, modality)
        if (ours, theirs) not in self._graphs:
            graph = self._graph(ours, theirs)
            self._graphs[ours, theirs] = graph
            self._graphs[theirs, ours] = graph.transposed
            self._blends[theirs, ours] = self._blends[ours, theirs]
        return self._graphs[ours, theirs]

    def scores_among(
        self,
        role: str,
        lenders: tuple[str, ...],
        modality: str | None,
        vectors: npt.NDArray[np.float32],
        signals: Sequence[npt.NDArray[np.float32]],
    ) -> npt.NDArray[np.float64]:
        """Scores of all pairs of some other windows, as :meth:`between` would give them, float64 (n, n).

        Args:
            role: whose windows ask.
            lenders: whose windows answer.
            modality: what an answering window must have; anything when None.
            vectors: embeddings of the other windows, float32 (n, dimensions).
            signals: per shared modality, the windows themselves, float32 (n, steps, channels).
        """
        self.between(role, lenders, modality)
        settings = self._config.rerank
        found = nearest(vectors, vectors, len(vectors), Search(method="exact", device="cpu"))
        scores = found.similarities
        if isinstance(settings, Warping):
            views = [warped_beside(ours, each, settings) for ours, each in zip(self._signals, signals, strict=True)]
            parts = [warped_correlation(view, view, found.positions, settings.band) for view in views]
            blend = self._blends[self._lenders((role,), None), self._lenders(lenders, modality)]
            scores = blend(np.asarray(np.mean(parts, axis=0)), scores)
        out = np.empty_like(scores)
        np.put_along_axis(out, found.positions, scores, axis=1)
        return out

    def read(self, role: str) -> dict[str, str]:
        """Digests of what pairing reads of a role beside its embeddings, by what it is."""
        digests = {}
        if isinstance(self._config.rerank, Warping):
            digests["signals"] = hashlib.sha256(b"".join(each[role].tobytes() for each in self._signals)).hexdigest()
        if self._config.constraints != Constraints():
            facts = with_placement(self._parties[role].facts, self._sources, self._config.constraints)
            digests["facts"] = hashlib.sha256(facts.write_csv().encode()).hexdigest()
        return digests

    def _lenders(self, roles: tuple[str, ...], modality: str | None) -> Lenders:
        everybody = modality is None or all(self._parties[role].having(modality).all() for role in roles)
        return roles, None if everybody else modality

    def _pool(self, lenders: Lenders) -> Pool:
        if lenders not in self._pools:
            roles, modality = lenders
            self._pools[lenders] = Pool.of([self._parties[role] for role in roles], modality)
        return self._pools[lenders]

    def _graph(self, our: Lenders, their: Lenders) -> Graph:
        """Both directions searched, warped where the study asks for it, and constrained."""
        here, there = self._pool(our), self._pool(their)
        forth, scores_forth = self._search(our, their)
        back, scores_back = self._search(their, our)
        for one, other, found in ((our, their, forth), (their, our, back)):
            self.searches[f"{_title(one)} among {_title(other)}"] = {**found.method, "k": found.positions.shape[1]}
        scores = [scores_forth, scores_back]
        rows = [np.repeat(np.arange(len(found.positions)), found.positions.shape[1]) for found in (forth, back)]
        graph = build_graph(
            np.concatenate([rows[0], back.positions.ravel()]),
            np.concatenate([forth.positions.ravel(), rows[1]]),
            np.concatenate([forth.similarities.ravel(), back.similarities.ravel()]),
            np.concatenate([score.ravel() for score in scores]),
            (len(here), len(there)),
        )
        rerank = self._config.rerank
        self._blends[our, their] = blend = Blend.of(graph, rerank.embedding if isinstance(rerank, Warping) else 0.0)
        graph = graph.rescored(blend(graph.scores, graph.similarities))
        constraints = self._config.constraints
        ours, theirs = (with_placement(pool.facts, self._sources, constraints) for pool in (here, there))
        keep = allowed(graph, ours, theirs, constraints)
        return graph if keep.all() else graph.only(keep)

    def _search(self, one: Lenders, other: Lenders) -> tuple[Candidates, npt.NDArray[np.float64]]:
        """Candidates and their scores, from what is remembered where that holds."""
        here, there, settings = self._pool(one), self._pool(other), self._config.search
        why = unsuited(here.vectors, there.vectors, settings)
        if self._memory is None or not why:
            found = nearest(here.vectors, there.vectors, self.count, settings)
            return found, self._scores(here, there, found)
        folder = self._memory / short_id(_title(one), _title(other), self._config.rerank.model_dump_json())
        ours, theirs = self._contents(one), self._contents(other)
        vectors = here.vectors, ours, there.vectors, theirs
        updated = update(Memory.load(folder), *vectors, self.count, resolve(settings.device))
        found, scores = updated.found, updated.scores
        rows = np.flatnonzero(np.isnan(scores).any(axis=1))
        scores[rows] = self._scores(here, there, found, rows)
        Memory(ours, theirs, found.positions, found.similarities, scores).save(folder)
        told = updated.why or f"and {updated.fresh} new ones among the lenders of the others"
        self.costs[f"{_title(one)} among {_title(other)}"] = (
            f"{updated.searched} of {len(here)} windows searched: {told}"
        )
        return replace(found, method={**found.method, "because": why}), scores

    def _contents(self, lenders: Lenders) -> npt.NDArray[np.str_]:
        """What the windows of a pool are, as far as searching and warping them goes."""
        pool = self._pool(lenders)
        warped = [pool.gather(views) for views in self._views]
        return contents(pool.windows.to_list(), pool.vectors, *warped)

    def _scores(
        self, here: Pool, there: Pool, found: Candidates, rows: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Cosines or warped correlations of the candidates of some rows, all when None."""
        settings, chosen = self._config.rerank, slice(None) if rows is None else rows
        if not isinstance(settings, Warping):
            return found.similarities[chosen]
        positions, parts = found.positions[chosen], []
        for views in self._views:
            asking = np.ascontiguousarray(here.gather(views)[chosen])
            parts.append(warped_correlation(asking, there.gather(views), positions, settings.band))
        return parts[0] if len(parts) == 1 else np.asarray(np.mean(parts, axis=0))

    @cached_property
    def _signals(self) -> list[dict[str, npt.NDArray[np.float32]]]:
        """Per shared modality, its windows, one row per embedded window of each role."""
        return [
            {role: gather_finite(party.store, modality, party.embedded) for role, party in self._parties.items()}
            for modality in modalities_of(self.shared)
        ]

    @cached_property
    def _views(self) -> list[dict[str, npt.NDArray[np.float32]]]:
        """Per shared modality, what is warped, one row per embedded window of each role."""
        settings = self._config.rerank
        return [warped_views(each, settings) for each in self._signals] if isinstance(settings, Warping) else []


def _title(lenders: Lenders) -> str:
    """How the manifest calls some windows, e.g. ``B, C with gyro``."""
    roles, modality = lenders
    return ", ".join(roles) + (f" with {modality}" if modality else "")

"""The windows that a role plays with, drawn together from the stores of its sources.

People are told apart per source: subject ``1`` of one source is not subject ``1`` of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import Role
from mmbind.errors import InputError, nearest
from mmbind.schema import WINDOWS
from mmbind.windows.store import ModalitySpec, Signals, WindowStore

#: Columns of a role's index that are written; the writer adds the shard.
INDEX = [name for name in WINDOWS if name != "shard"]


@dataclass(frozen=True)
class RoleWindows:
    """What a role consists of, before anything is written.

    Attributes:
        name: the role.
        index: its windows, sorted by id: ``schema.WINDOWS`` with true labels, the window's
            ``position`` in the store of its source, and ``row_<modality>``.
        stores: the window stores of its sources.
        shown: modalities that the role has.
        hidden: modalities that its sources have beside those.
        passed_over: windows that have none of the shown modalities, and so are left out.
    """

    name: str
    index: pl.DataFrame
    stores: dict[str, WindowStore]
    shown: dict[str, ModalitySpec]
    hidden: dict[str, ModalitySpec]
    passed_over: int

    def shards(self, size: int) -> Iterator[pl.DataFrame]:
        """The index in pieces of at most ``size`` windows."""
        yield from self.index.iter_slices(size)

    def gather(self, part: pl.DataFrame, modality: str) -> tuple[npt.NDArray[np.bool_], Signals]:
        """Signals of a piece of the index.

        Args:
            part: n windows of :attr:`index`.
            modality: one that is shown or hidden.

        Returns:
            Which windows have the modality (n,), and their signals float32
            (present windows, steps, channels).
        """
        spec = (self.shown | self.hidden)[modality]
        present = part[f"row_{modality}"].is_not_null().to_numpy()
        having = part.filter(pl.Series(present))
        signals = np.empty((having.height, spec.steps, len(spec.channels)), dtype=np.float32)
        for source, store in self.stores.items():
            here = (having["source"] == source).to_numpy()
            if here.any():
                signals[here] = store.gather(modality, having["position"].to_numpy()[here])
        return present, signals


def select(name: str, role: Role, stores: Mapping[str, WindowStore]) -> RoleWindows:
    """Picks a role's windows.

    Args:
        name: the role.
        role: its sources, subjects and modalities.
        stores: window stores by source, at least those of the role.

    Raises:
        InputError: for a subject or modality that its sources do not have, for sources whose
            windows differ in length, channels or unit, or when no window is left.
    """
    own = {source: stores[source] for source in sorted(set(role.sources))}
    specs = _common_specs(name, own)
    for modality in role.modalities:
        if modality not in specs:
            raise InputError(
                f"roles.{name}.modalities: none of its sources ({', '.join(own)}) has {modality!r}.",
                hint=nearest(modality, specs),
            )
    index = pl.concat(
        [
            store.index.drop("shard").with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64))
            for store in own.values()
        ],
        how="diagonal",
    )
    known = set(index["subject"].drop_nulls().unique())
    for subject in role.subjects:
        if subject not in known:
            raise InputError(
                f"roles.{name}.subjects: no window of {', '.join(own)} is of subject {subject!r}.",
                hint=nearest(subject, known),
            )
    if role.subjects:
        index = index.filter(pl.col("subject").is_in(role.subjects))
    chosen = index.filter(pl.any_horizontal(pl.col(f"row_{modality}").is_not_null() for modality in role.modalities))
    if not chosen.height:
        raise InputError(
            f"The role {name!r} has no windows: none of {', '.join(own)} has {' or '.join(role.modalities)}.",
            hint=f"Check roles.{name} and the stage 'window'.",
        )
    return RoleWindows(
        name=name,
        index=chosen.sort("window"),
        stores=own,
        shown={modality: specs[modality] for modality in sorted(set(role.modalities))},
        hidden={modality: specs[modality] for modality in sorted(specs) if modality not in role.modalities},
        passed_over=index.height - chosen.height,
    )


def _common_specs(name: str, stores: Mapping[str, WindowStore]) -> dict[str, ModalitySpec]:
    """The modalities of some stores, which must agree on each."""
    specs: dict[str, ModalitySpec] = {}
    origin: dict[str, str] = {}
    for source, store in stores.items():
        for modality, spec in store.modalities.items():
            if spec != specs.setdefault(modality, spec):
                first = specs[modality]
                timing = (spec.steps, spec.rate_hz) != (first.steps, first.rate_hz)
                raise InputError(
                    f"The role {name!r} joins windows of different {'length' if timing else 'channels or unit'}: "
                    f"{modality} is {_describe(first)} in {origin[modality]!r}, but {_describe(spec)} in {source!r}.",
                    hint="Run the stage 'window' again for both, or make their channels and units equal in 'sources'.",
                )
            origin.setdefault(modality, source)
    return specs


def _describe(spec: ModalitySpec) -> str:
    rate = "over the trial" if spec.rate_hz is None else f"at {spec.rate_hz:g} Hz"
    return f"{spec.steps} steps {rate} of {', '.join(spec.channels)} in {spec.unit}"

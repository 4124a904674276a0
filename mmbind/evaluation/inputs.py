"""What the methods of the harness may draw on, opened when first asked for.

A method that never asks for :meth:`Inputs.truth` never opens it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from mmbind.config import TARGET, TEST
from mmbind.errors import MissingStageError
from mmbind.study import Study
from mmbind.training.samples import modalities_of
from mmbind.windows.store import ModalitySpec, WindowStore


@dataclass(frozen=True)
class Inputs:
    """The stores of a study, for one training.

    Attributes:
        study: the study; its roles may be those of a rotation.
        seed: of the training, for methods that draw.
    """

    study: Study
    seed: int

    @cached_property
    def unlabelled(self) -> dict[str, WindowStore]:
        """The stores of the unlabelled roles by name, sorted.

        Raises:
            MissingStageError: before ``assign`` was run.
        """
        names = self.study.params.unlabelled_roles
        return {name: WindowStore.open(self.study.role(name), stage="assign") for name in names}

    @cached_property
    def target(self) -> WindowStore:
        """The store of the target: all its windows, labels of the drawn sample only."""
        return WindowStore.open(self.study.role(TARGET), stage="assign")

    @cached_property
    def test(self) -> WindowStore:
        """The store of the test role: signals, no labels."""
        return WindowStore.open(self.study.role(TEST), stage="assign")

    @cached_property
    def modalities(self) -> dict[str, ModalitySpec]:
        """The modalities of every method's model: those of the unlabelled roles and the target."""
        return modalities_of([*self.unlabelled.values(), self.target])

    @property
    def shared(self) -> str:
        """The shared modality."""
        return self.study.params.shared.modality

    @property
    def not_shared(self) -> str:
        """Why methods that need one modality that all roles have cannot be trained; empty when they can."""
        lacking = [name for name, store in self.unlabelled.items() if self.shared not in store.modalities]
        return f"not all roles have the modality {self.shared!r} ({', '.join(lacking)})" if lacking else ""

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """The pseudo pairs (``schema.PAIRS``).

        Raises:
            MissingStageError: before ``bind`` was run.
        """
        path = self.study.bindings / "pairs.parquet"
        if not path.is_file():
            raise MissingStageError(path, "bind")
        return pl.read_parquet(path)

    def truth(self, role: str) -> WindowStore:
        """What a role must not show: labels and masked modalities. For control methods alone."""
        return WindowStore.open(self.study.truth(role), stage="assign")

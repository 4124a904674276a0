"""``protocol``: the grid of trainings whose results are published."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, JsonValue, NonNegativeInt, field_validator, model_validator

from mmbind.config.base import Once, Section
from mmbind.config.learning import MethodName
from mmbind.config.roles import FolderName
from mmbind.config.sources import Name

#: How labelled windows of the target are drawn (see :class:`mmbind.config.LabelledSample`).
Draw = Literal["balanced", "random"]
#: A number of labelled windows.
LabelCount = Annotated[int, Field(ge=1)]


class Ablation(Section):
    """Methods with some parameters otherwise, everything else being equal."""

    #: Values by the parameter's path, e.g. ``training.student.prior: none``.
    change: dict[str, JsonValue] = Field(min_length=1)
    methods: Once[MethodName] = ["mmbind"]


class Protocol(Section):
    """Tasks x label counts x draws x rotations x seeds x methods; each is one training."""

    #: What the study is called in the stored results, on every machine.
    name: FolderName
    #: The modalities that target and test keep, by the task's name.
    tasks: dict[FolderName, list[Name]] = Field(min_length=1)
    #: Labelled windows of the target.
    labels: Once[LabelCount] = Field(min_length=1)
    #: ``balanced``: as equal per class as the counts allow. ``random``: as they come.
    draws: Once[Draw] = Field(default=["balanced"], min_length=1)
    #: Rotations on which settings were chosen; none of them is reported.
    tuning: Once[FolderName] = []
    #: Rotations whose results are reported.
    reported: Once[FolderName] = Field(min_length=1)
    #: Every method is trained once per seed, from pre-training on.
    seeds: Once[NonNegativeInt] = Field(default=[0, 1], min_length=1)
    methods: Once[MethodName] = Field(default=list(get_args(MethodName)), min_length=1)
    #: Parts of the recipe that are changed or taken away, to see what they are worth.
    ablations: dict[FolderName, Ablation] = {}

    @field_validator("tasks")
    @classmethod
    def _keep_something(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        empty = sorted(name for name, modalities in value.items() if not modalities)
        if empty:
            raise ValueError(f"the task {empty[0]!r} keeps no modality")
        return value

    @model_validator(mode="after")
    def _tell_cells_apart(self) -> Self:
        joined = [f"{rotation}-{task}" for rotation in dict.fromkeys(self.rotations) for task in self.tasks]
        if twice := sorted({name for name in joined if joined.count(name) > 1}):
            raise ValueError(f"two pairs of a rotation and a task are both called {twice[0]!r}, joined by '-'")
        return self

    @property
    def rotations(self) -> list[str]:
        """Tuning ones, then reported ones."""
        return [*self.tuning, *self.reported]

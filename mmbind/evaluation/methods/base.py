"""What a method of the harness is.

Methods differ in one thing only: the samples they pre-train on. Networks, augmentation,
loss, schedule, number of steps, fine-tuning and labels are the same for all of them.
"""

from __future__ import annotations

from typing import Literal, Protocol

from mmbind.evaluation.inputs import Inputs
from mmbind.learning.samples import Samples

#: A folder of the study that a method reads beside target and test.
Reading = Literal["roles", "bindings", "truth"]


class Method(Protocol):
    """A rival, one file each.

    Attributes:
        name: as in ``evaluation.methods``.
        reads: the folders that its pre-training depends on.
    """

    name: str
    reads: tuple[Reading, ...]

    def unavailable(self, inputs: Inputs) -> str:
        """Why the study does not allow this method; empty when it does."""
        ...

    def pretraining_samples(self, inputs: Inputs) -> Samples | None:
        """The samples of pre-training; None for a method without it."""
        ...

"""Incomplete (MIM): contrastive pre-training on the unlabelled windows as they are."""

from __future__ import annotations

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Reading
from mmbind.learning.samples import Samples
from mmbind.training.samples import as_recorded


class Incomplete:
    """The loss of MMBind without pairs: each window has its own modalities, weight 1."""

    name = "mim"
    reads: tuple[Reading, ...] = ("roles",)

    def unavailable(self, inputs: Inputs) -> str:
        """Always available."""
        return ""

    def pretraining_samples(self, inputs: Inputs) -> Samples | None:
        """One sample per unlabelled window."""
        return as_recorded(list(inputs.unlabelled.values()))

"""Incomplete (MIM): contrastive pre-training on the unlabelled windows as they are."""

from __future__ import annotations

from mmbind.config import MethodName
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Contrastive, Reading
from mmbind.learning.samples import Samples
from mmbind.training.samples import as_recorded


class Incomplete(Contrastive):
    """The loss of MMBind without pairs: each window has its own modalities, weight 1."""

    name: MethodName = "mim"
    reads: tuple[Reading, ...] = ("roles",)

    def unlabelled(self, inputs: Inputs) -> Samples:
        """One sample per unlabelled window."""
        return as_recorded(list(inputs.unlabelled.values()))

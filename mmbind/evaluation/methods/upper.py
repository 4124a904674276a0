"""Upper bound: contrastive pre-training on all modalities as they were recorded."""

from __future__ import annotations

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Contrastive
from mmbind.learning.samples import Samples
from mmbind.training.samples import as_recorded


class Upper(Contrastive):
    """Control: the unlabelled windows with the modalities that their roles must not show."""

    name = "upper"
    reads = ("roles", "truth")

    def unavailable(self, inputs: Inputs) -> str:
        """Says so when no unlabelled role hides a recorded modality."""
        if any(inputs.truth(role).modalities for role in inputs.unlabelled):
            return ""
        return "the sources of the unlabelled roles recorded no modality beyond those shown"

    def unlabelled(self, inputs: Inputs) -> Samples:
        """One sample per unlabelled window, weight 1, with shown and masked modalities."""
        masked = [inputs.truth(role) for role in inputs.unlabelled]
        return as_recorded([*inputs.unlabelled.values(), *masked])

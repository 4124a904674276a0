"""Presence mask (MPM): as MIM, and the network is told which modalities are there."""

from __future__ import annotations

from mmbind.config import Training
from mmbind.evaluation.methods.mim import Incomplete


class PresenceMask(Incomplete):
    """MIM with the presence bits appended to each projection's and the classifier's input.

    The missing-aware prompts of Y.-L. Lee et al., "Multimodal prompting with missing
    modalities for visual recognition", CVPR 2023, arXiv 2303.03369, in the form in which the
    MMBind paper (arXiv 2411.12126, section 5) compares with them.
    """

    name = "mpm"

    def settings(self, training: Training) -> Training:
        """The network reads the presence bits."""
        network = training.network.model_copy(update={"presence_bits": True})
        return training.model_copy(update={"network": network})

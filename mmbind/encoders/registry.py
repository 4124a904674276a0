"""Encoders by the name that ``shared.encoder`` gives: one file each."""

from __future__ import annotations

from mmbind.config import Shared
from mmbind.encoders.autoencoder import Autoencoder
from mmbind.encoders.base import SharedEncoder
from mmbind.encoders.contrastive import Contrastive
from mmbind.encoders.labels import LabelNames
from mmbind.encoders.masked import MaskedAutoencoder
from mmbind.encoders.statistics import Statistics
from mmbind.encoders.third_party import third_party_encoder
from mmbind.encoders.window import Window
from mmbind.windows.store import ModalitySpec

#: The class of every encoder of mmbind's own.
ENCODERS: dict[str, type[SharedEncoder]] = {
    "autoencoder": Autoencoder,
    "contrastive": Contrastive,
    "masked": MaskedAutoencoder,
    "statistics": Statistics,
    "window": Window,
    "labels": LabelNames,
}


def build_encoder(spec: ModalitySpec, shared: Shared) -> SharedEncoder:
    """Makes the encoder that a study names, not yet fitted.

    Args:
        spec: steps and channels of the shared modality's windows, in their representation.
        shared: the section ``shared`` of ``params.yaml``.

    Raises:
        InputError: for an encoder of another package that is not installed.
    """
    if shared.encoder in ENCODERS:
        return ENCODERS[shared.encoder](spec, shared)
    return third_party_encoder(shared.encoder, spec, shared)

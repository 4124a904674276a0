"""Encoders by the name that ``shared.encoder`` gives: one file each."""

from __future__ import annotations

from mmbind.config import Shared
from mmbind.encoders.autoencoder import Autoencoder
from mmbind.encoders.base import SharedEncoder
from mmbind.windows.store import ModalitySpec

#: The class of every encoder.
ENCODERS: dict[str, type[SharedEncoder]] = {"autoencoder": Autoencoder}


def build_encoder(spec: ModalitySpec, shared: Shared) -> SharedEncoder:
    """Makes the encoder that a study names, not yet fitted.

    Args:
        spec: steps and channels of the shared modality's windows.
        shared: the section ``shared`` of ``params.yaml``.
    """
    return ENCODERS[shared.encoder](spec, shared)

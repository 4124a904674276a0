"""The kinds of encoders that ``training.network.kind`` chooses from."""

from __future__ import annotations

from torch import nn

from mmbind.config import Network
from mmbind.learning.attention import AttentionEncoder
from mmbind.learning.networks import ModalityEncoder
from mmbind.learning.recurrent import RecurrentEncoder

#: Encoders by kind; all take windows (n, steps, channels) to (n, features).
KINDS: dict[str, type[ModalityEncoder | RecurrentEncoder | AttentionEncoder]] = {
    "cnn": ModalityEncoder,
    "cnn_gru": RecurrentEncoder,
    "transformer": AttentionEncoder,
}


def encoder_of(network: Network, steps: int, channels: int) -> nn.Module:
    """An encoder of one modality, set up from torch's global generator.

    Args:
        network: kind and sizes.
        steps: samples per window.
        channels: channels of the modality.
    """
    return KINDS[network.kind](steps, channels, network.width, network.features, network.dropout)

"""The multimodal network: one encoder and projection head per modality, masked fusion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbind.config import Network
from mmbind.learning.kinds import encoder_of
from mmbind.learning.processes import encode_in_parts
from mmbind.learning.scaling import Scaler
from mmbind.windows.store import ModalitySpec


class MultimodalModel(nn.Module):
    """Windows with any combination of modalities to embeddings and to class scores.

    Only present windows are encoded. Fusion concatenates the features of all modalities;
    the places of absent ones are zero and the rest is scaled by (all / present), as dropout
    does, so that the classifier's input keeps its size. A modality that the model does not
    know is ignored; one that the samples lack counts as absent.

    Attributes:
        half_precision: whether the encoders work in bfloat16 while they are trained.
    """

    def __init__(
        self, modalities: Mapping[str, ModalitySpec], classes: int, network: Network, scalers: Mapping[str, Scaler]
    ) -> None:
        """Sets the layers up from torch's global generator.

        Args:
            modalities: by name; their order never matters.
            classes: how many.
            network: kind and sizes.
            scalers: one per modality; kept as buffers.
        """
        super().__init__()
        self.names = sorted(modalities)
        self.half_precision = False
        self.size = network.features
        self.bits = len(self.names) if network.presence_bits else 0
        self.scalers = nn.ModuleDict({name: _Scale(scalers[name], name in network.centred) for name in self.names})
        self.encoders = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        for name in self.names:
            spec = modalities[name]
            self.encoders[name] = encoder_of(network, spec.steps, len(spec.channels))
            self.heads[name] = nn.Sequential(
                nn.Linear(network.features + self.bits, network.features),
                nn.ReLU(),
                nn.Linear(network.features, network.projection),
            )
        self.classifier = nn.Linear(network.features * len(self.names) + self.bits, classes)

    @property
    def device(self) -> torch.device:
        """Where the weights lie; batches must lie there, too."""
        return self.classifier.weight.device

    def presence(self, present: Mapping[str, Tensor]) -> Tensor:
        """Which of the model's modalities each sample has, bool (modalities, batch)."""
        absent = torch.zeros_like(next(iter(present.values())))
        return torch.stack([present.get(name, absent) for name in self.names])

    def scale(self, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """z-scores of SI views (batch, steps, channels), for the modalities the model knows.

        Modalities of ``network.centred`` lose each window's mean first.
        """
        return {name: self.scalers[name](views[name]) for name in self.names if name in views}

    def unscale(self, name: str, scaled: Tensor) -> Tensor:
        """SI windows of z-scores (batch, steps, channels) of a modality; a centred one stays centred."""
        return cast(_Scale, self.scalers[name]).invert(scaled)

    def features(self, scaled: Mapping[str, Tensor], presence: Tensor) -> Tensor:
        """Encodes scaled views.

        Args:
            scaled: per modality float32 (batch, steps, channels), z-scored.
            presence: bool (modalities, batch).

        Returns:
            float32 (modalities, batch, features), zeros where absent.
        """
        device = presence.device
        out = torch.zeros(*presence.shape, self.size, device=device)
        for number, name in enumerate(self.names):
            here = presence[number].nonzero().squeeze(1)
            if len(here):
                with torch.autocast(device.type, torch.bfloat16, enabled=self.half_precision and self.training):
                    encoded = encode_in_parts(self.encoders[name], scaled[name][here])
                out = out.index_put((here.new_full((), number), here), encoded.float())
        return out

    def embed(self, scaled: Mapping[str, Tensor], presence: Tensor) -> Tensor:
        """Unit vectors of the projection heads, float32 (modalities, batch, projection)."""
        features = self.features(scaled, presence)
        told = self._told(presence)
        heads = [self.heads[name](torch.cat([features[at], *told], dim=1)) for at, name in enumerate(self.names)]
        return functional.normalize(torch.stack(heads), dim=2)

    def classify(self, scaled: Mapping[str, Tensor], presence: Tensor) -> Tensor:
        """Class scores (logits), float32 (batch, classes)."""
        share = len(self.names) / presence.sum(dim=0).clamp(min=1)
        fused = self.features(scaled, presence).transpose(0, 1).flatten(1) * share[:, None]
        return cast(Tensor, self.classifier(torch.cat([fused, *self._told(presence)], dim=1)))

    def _told(self, presence: Tensor) -> list[Tensor]:
        """The presence bits (batch, modalities), where the network reads them."""
        return [presence.T.float()] if self.bits else []


class _Scale(nn.Module):
    """A scaler as buffers, so that it is stored with the weights."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, scaler: Scaler, centred: bool) -> None:
        super().__init__()
        self.centred = centred
        self.register_buffer("mean", torch.from_numpy(scaler.mean))
        self.register_buffer("deviation", torch.from_numpy(scaler.deviation))

    def forward(self, signals: Tensor) -> Tensor:
        if self.centred:
            signals = centre(signals)
        return (signals - self.mean) / self.deviation

    def invert(self, scaled: Tensor) -> Tensor:
        return scaled * self.deviation + self.mean


def centre(signals: Tensor) -> Tensor:
    """Takes each window's mean over time from every channel of (windows, steps, channels)."""
    return signals - signals.mean(dim=1, keepdim=True)

"""The fitted model of the shared modality: encoder and alignment of every modality, fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from mmbind.encoders.align import Alignment, Moments
from mmbind.encoders.base import SharedEncoder
from mmbind.encoders.registry import build_encoder
from mmbind.encoders.shared import SharedWindows
from mmbind.windows.store import Signals

Losses = dict[str, list[float]]

#: Windows that pass an encoder together: 128 to 256 is the fastest on CPUs.
MICRO_BATCH = 256


class SharedModel(nn.Module):
    """From windows to unit vectors.

    Every modality's vector is aligned, scaled to length 1 and to its share of the weights,
    and the vectors are joined: the similarity of two windows is the weighted mean of their
    similarities by each modality.
    """

    def __init__(self, windows: SharedWindows) -> None:
        """Sets encoders up from torch's global generator, in the order of the modalities."""
        super().__init__()
        shared = windows.shared
        self.modalities = shared.modalities
        self.encoders = nn.ModuleList(
            build_encoder(windows.views[name], shared.model_copy(update={"modality": name})) for name in self.modalities
        )
        self.alignments = nn.ModuleList(
            Alignment(shared.align, self.encoder(name).dimensions, len(windows.sources)) for name in self.modalities
        )
        weights = [1.0, *(shared.fused[name] for name in self.modalities[1:])]
        self._shares = [float(np.sqrt(weight / sum(weights))) for weight in weights]

    @property
    def dimensions(self) -> int:
        """Size of a vector."""
        return sum(self.encoder(name).dimensions for name in self.modalities)

    def encoder(self, modality: str) -> SharedEncoder:
        """The encoder of a modality."""
        return cast(SharedEncoder, self.encoders[self.modalities.index(modality)])

    def alignment(self, modality: str) -> Alignment:
        """The alignment of a modality."""
        return cast(Alignment, self.alignments[self.modalities.index(modality)])

    def encode(self, modality: str, seen: Signals) -> Tensor:
        """One modality's vectors before alignment, float64 (n, dimensions), batch by batch."""
        encoder = self.encoder(modality)
        with torch.inference_mode():
            parts = [
                encoder(torch.from_numpy(seen[start : start + MICRO_BATCH])).to(torch.float64)
                for start in range(0, len(seen), MICRO_BATCH)
            ]
        return torch.cat(parts) if parts else torch.zeros(0, encoder.dimensions, dtype=torch.float64)

    def forward(self, seen: Sequence[Signals], sources: Tensor) -> Tensor:
        """Unit vectors of windows.

        Args:
            seen: per modality float32 (n, steps, views), in their representation.
            sources: int64 (n,), position of each one's source.

        Returns:
            float64 (n, dimensions). A modality whose vector is zero stays zero.
        """
        parts = []
        for modality, signals, share in zip(self.modalities, seen, self._shares, strict=True):
            vectors = self.alignment(modality)(self.encode(modality, signals), sources)
            lengths = vectors.square().sum(dim=1, keepdim=True).sqrt()
            parts.append(share * vectors / torch.where(lengths > 0, lengths, 1.0))
        return torch.cat(parts, dim=1)


def fit_model(
    windows: SharedWindows,
    recorded: Mapping[str, Signals],
    work: Path | None,
    trained: SharedModel | None = None,
) -> tuple[SharedModel, Losses]:
    """Fits every encoder on all windows that can be embedded, and the alignments on each source's.

    The caller has made the process deterministic: encoders start from torch's global generator.

    Args:
        windows: the unlabelled roles.
        recorded: per shared modality, the usable windows of all roles one after the other.
        work: folder for the checkpoints of trained encoders, one folder per modality in it.
        trained: a model that differs in its alignment alone, whose encoders are taken over.

    Returns:
        The model, and the mean loss of every epoch by modality.
    """
    model = SharedModel(windows)
    if trained is not None:
        model.encoders = trained.encoders
    sources = np.concatenate([windows.source_numbers(role, windows.usable(role)) for role in windows.stores])
    losses: Losses = {}
    for modality in model.modalities:
        seen = windows.seen(recorded[modality], modality)
        if trained is None:
            course = model.encoder(modality).learn(seen, None if work is None else work / modality)
            model.encoder(modality).eval()
            losses |= {modality: course} if course else {}
        if windows.shared.align != "none":
            vectors = model.encode(modality, seen)
            moments = [Moments(vectors.shape[1]) for _ in windows.sources]
            for number, each in enumerate(moments):
                each.add(vectors[torch.from_numpy(sources == number)])
            model.alignment(modality).learn(moments)
    return model.eval(), losses

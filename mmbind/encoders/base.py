"""What an encoder of the shared modality is: windows in, vectors out, learned without labels."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from torch import Tensor, nn

from mmbind.config import Shared
from mmbind.windows.store import ModalitySpec, Signals


class SharedEncoder(nn.Module):
    """Base of all encoders of the shared modality.

    Everything that :meth:`forward` needs, scaling included, is a parameter or a buffer, so
    that the state is the encoder. An encoder that learns nothing returns no losses. Windows
    come in the representation that the study names, see :mod:`mmbind.encoders.representations`.
    """

    def __init__(self, spec: ModalitySpec, shared: Shared) -> None:
        """Keeps the configuration.

        Args:
            spec: steps and channels of the windows.
            shared: the section ``shared`` of ``params.yaml``.
        """
        super().__init__()
        self.spec, self.shared = spec, shared

    @property
    def dimensions(self) -> int:
        """Size of an embedding; known before anything is learned."""
        return self.shared.dimensions

    @property
    def work_title(self) -> str:
        """What progress and messages call the training."""
        return f"fit-shared {self.shared.modality}: epochs"

    @abstractmethod
    def learn(self, signals: Signals, work: Path | None) -> list[float]:
        """Learns from unlabelled windows.

        Args:
            signals: float32 (windows, steps, channels).
            work: folder for checkpoints, named after data and parameters; None for none.

        Returns:
            The mean loss of every epoch.
        """

    @abstractmethod
    def forward(self, signals: Tensor) -> Tensor:
        """Maps float32 (windows, steps, channels) to (windows, dimensions), window by window."""

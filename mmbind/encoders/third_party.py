"""Encoders of other packages, found by entry point in the group ``mmbind.encoders``.

The entry point is either a subclass of :class:`SharedEncoder`, or a plain function from
windows, float32 (n, steps, channels), to vectors (n, dimensions), each window by itself. Where
it breaks this contract, the message names the package. See ``docs/encoders.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmbind.config import Shared
from mmbind.config.shared import ENCODER_GROUP
from mmbind.encoders.base import SharedEncoder
from mmbind.errors import MmbindError
from mmbind.plugins import Plugins
from mmbind.windows.store import ModalitySpec, Signals

_ENCODERS = Plugins(ENCODER_GROUP, "encoder", "offers the encoder")
#: Names the code behind an encoder, see :meth:`Plugins.version_of`.
version_of = _ENCODERS.version_of


def third_party_encoder(name: str, spec: ModalitySpec, shared: Shared) -> SharedEncoder:
    """Makes the encoder of another package.

    Args:
        name: of its entry point.
        spec: steps and channels of the windows.
        shared: the section ``shared``; ``shared.options`` is the package's own.

    Raises:
        InputError: when no package, or more than one, offers it, or it cannot be imported.
        MmbindError: when it breaks the contract.
    """
    who, offered = _ENCODERS.load(name)
    if isinstance(offered, type) and issubclass(offered, SharedEncoder):
        return offered(spec, shared)
    if not callable(offered):
        raise MmbindError(f"{who} is neither a function nor a subclass of SharedEncoder.", hint="Tell its authors.")
    return FunctionEncoder(spec, shared, who, offered)


class FunctionEncoder(SharedEncoder):
    """A function of another package as encoder; it learns nothing."""

    def __init__(self, spec: ModalitySpec, shared: Shared, who: str, function: Callable[..., Any]) -> None:
        """Asks the function once how long its vectors are."""
        super().__init__(spec, shared)
        self._who, self._function = who, function
        noise = np.random.default_rng(0).normal(size=(2, spec.steps, len(spec.channels)))
        self._dimensions: int = self._call(noise.astype(np.float32)).shape[1]

    @property
    def dimensions(self) -> int:
        """As the function answered."""
        return self._dimensions

    def learn(self, signals: Signals, work: Path | None) -> list[float]:
        """Learns nothing."""
        return []

    def forward(self, signals: Tensor) -> Tensor:
        """What the function returns, float32 (windows, dimensions)."""
        vectors = self._call(signals.numpy())
        if vectors.shape[1] != self._dimensions:
            raise self._broke(f"its vectors have {vectors.shape[1]} dimensions, and had {self._dimensions} before")
        return torch.from_numpy(vectors)

    def _call(self, windows: Signals) -> Signals:
        try:
            vectors = np.asarray(self._function(windows, **self.shared.options), dtype=np.float32)
        except MmbindError:
            raise
        except Exception as error:
            raise self._broke(repr(error)) from error
        if vectors.ndim != 2 or len(vectors) != len(windows) or not vectors.shape[1]:
            raise self._broke(f"it made an array of the shape {vectors.shape} from {len(windows)} windows")
        return np.ascontiguousarray(vectors)

    def _broke(self, reason: str) -> MmbindError:
        return MmbindError(f"{self._who} failed: {reason}.", hint="Tell its authors; mmbind --debug shows where.")

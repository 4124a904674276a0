"""Training samples: which windows stand together, without copying their signals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mmbind.errors import MmbindError
from mmbind.learning.signals import Signals, StackedSignals

#: Windows that :meth:`Samples.blocks` reads at once.
BLOCK = 1024


@dataclass(frozen=True)
class Batch:
    """Some samples, gathered.

    Attributes:
        views: per modality float32 (batch, steps, channels), SI; zeros where absent.
        present: per modality bool (batch,); what stands at absent places is never data.
        weights: float32 (batch,).
        labels: int64 (batch,), -1 for none.
    """

    views: dict[str, Tensor]
    present: dict[str, Tensor]
    weights: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(
            {name: view.to(device) for name, view in self.views.items()},
            {name: here.to(device) for name, here in self.present.items()},
            self.weights.to(device),
            self.labels.to(device),
        )


@dataclass(frozen=True)
class Samples:
    """Samples as rows into the signals of each modality.

    Attributes:
        signals: per modality float32 (rows, steps, channels), SI, as recorded: a tensor, or
            what gathers rows from where they lie (:mod:`mmbind.learning.signals`).
        rows: per modality int64 (samples,), -1 where the sample lacks it. Same keys.
        weights: float32 (samples,), of the contrastive or classification loss.
        labels: int64 (samples,), positions in ``classes``, -1 for none.
        classes: class names.
        windows: id of the window (or anchor) of each sample.
    """

    signals: Mapping[str, Signals]
    rows: Mapping[str, Tensor]
    weights: Tensor
    labels: Tensor
    classes: Sequence[str]
    windows: Sequence[str]

    def __post_init__(self) -> None:
        """Checks that everything has one entry per sample.

        Raises:
            MmbindError: when lengths or modalities disagree.
        """
        lengths = {len(self.weights), len(self.labels), len(self.windows), *map(len, self.rows.values())}
        if len(lengths) != 1 or set(self.signals) != set(self.rows):
            raise MmbindError(f"Samples disagree: lengths {sorted(lengths)}, modalities {sorted(self.rows)}.")

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.windows)

    def at(self, positions: Tensor) -> Samples:
        """The samples at some positions (int64), in the order asked for, without copying signals."""
        return replace(
            self,
            rows={name: rows[positions] for name, rows in self.rows.items()},
            weights=self.weights[positions],
            labels=self.labels[positions],
            windows=[self.windows[position] for position in positions.tolist()],
        )

    def blocks(self, modality: str) -> Iterator[Tensor]:
        """Signals of a modality that any sample holds, each once, in pieces: float32 (n, steps, channels)."""
        yield from (block for _, block in self.numbered_blocks(modality))

    def numbered_blocks(self, modality: str) -> Iterator[tuple[Tensor, Tensor]]:
        """:meth:`blocks`, each with its rows int64 (n,)."""
        rows, signals = self.rows[modality], self.signals[modality]
        held = rows.new_zeros(len(signals), dtype=torch.bool)
        held[rows[rows >= 0]] = True
        for part in torch.split(held.nonzero().squeeze(1), BLOCK):
            if len(part):
                yield part, signals[part]

    def batch(self, positions: Tensor) -> Batch:
        """Gathers samples by position (int64), in the order asked for."""
        views, present = {}, {}
        for modality, signals in self.signals.items():
            rows = self.rows[modality][positions]
            here = rows >= 0
            view = torch.zeros(len(rows), *signals.shape[1:])
            view[here] = signals[rows[here]]
            views[modality], present[modality] = view, here
        return Batch(views, present, self.weights[positions], self.labels[positions])


def joined(first: Samples, second: Samples) -> Samples:
    """Samples of both, one after the other, without copying signals; the classes are those of the second."""
    signals: dict[str, Signals] = {}
    rows: dict[str, Tensor] = {}
    for name in sorted({*first.signals, *second.signals}):
        signals[name] = StackedSignals([part.signals[name] for part in (first, second) if name in part.signals])
        columns, offset = [], 0
        for part in (first, second):
            row = part.rows.get(name, torch.full((len(part),), -1))
            columns.append(torch.where(row >= 0, row + offset, -1))
            offset += len(part.signals[name]) if name in part.signals else 0
        rows[name] = torch.cat(columns)
    return Samples(
        signals,
        rows,
        torch.cat([first.weights, second.weights]),
        torch.cat([first.labels, second.labels]),
        second.classes,
        [*first.windows, *second.windows],
    )

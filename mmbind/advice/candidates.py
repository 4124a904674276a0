"""What could be compared by what: the candidates that advice ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmbind.config import Shared
from mmbind.config.shared import AlignmentName, RepresentationName
from mmbind.encoders.representations import AXES
from mmbind.windows.store import WindowStore

#: Encoders that cost seconds, and those that are trained.
CHEAP, LEARNED = ("statistics", "window"), ("autoencoder", "contrastive", "masked")
#: What does not change when a device is turned.
TURNABLE: tuple[RepresentationName, ...] = ("magnitude", "gravity_aligned", "vertical", "vertical_magnitude")


@dataclass(frozen=True)
class Candidate:
    """One way to compare windows.

    Attributes:
        modality: the shared modality.
        encoder: as ``shared.encoder`` names it.
        representation: as ``shared.representation`` names it.
        align: as ``shared.align`` names it.
    """

    modality: str
    encoder: str
    representation: RepresentationName
    align: AlignmentName

    def section(self, shared: Shared) -> Shared:
        """The section ``shared`` that stands for this candidate; sizes and schedule stay the study's."""
        change = {"modality": self.modality, "encoder": self.encoder, "fused": {}}
        return shared.model_copy(update={**change, "representation": self.representation, "align": self.align})


def shared_modalities(stores: Mapping[str, WindowStore]) -> list[str]:
    """Modalities that at least one window of every role has, on the same grid and in the same unit, sorted."""
    first, *others = stores.values()
    return [
        name
        for name, spec in sorted(first.modalities.items())
        if all(other.modalities.get(name) == spec for other in others)
        and all(store.present(name).any() for store in stores.values())
    ]


def candidates(
    stores: Mapping[str, WindowStore], *, learned: bool, alignments: Sequence[AlignmentName]
) -> list[Candidate]:
    """Every candidate of a study, in a fixed order.

    Sensors of three axes are tried as recorded, by magnitude and turned upright; others as
    recorded. Windows are tried z-scored, too.

    Args:
        stores: the unlabelled roles.
        learned: whether encoders that are trained take part.
        alignments: how sources may be aligned.
    """
    found = []
    for modality in shared_modalities(stores):
        channels = len(next(iter(stores.values())).modalities[modality].channels)
        turnable: list[RepresentationName] = [] if channels % AXES else [*TURNABLE]
        for encoder in (*CHEAP, *(LEARNED if learned else ())):
            scaled: list[RepresentationName] = ["z_scored"] if encoder == "window" else []
            views: list[RepresentationName] = ["raw", *scaled, *turnable]
            found += [Candidate(modality, encoder, view, align) for view in views for align in alignments]
    return found

"""``shared``: what windows of unlike sources are compared by (stage 1)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveFloat
from pydantic_core import PydanticCustomError

from mmbind.config.base import Section
from mmbind.config.learning import Schedule
from mmbind.config.sources import Name

#: Packages offer their encoders here.
ENCODER_GROUP = "mmbind.encoders"
#: The encoders that need no other package. The first three are trained.
BUILT_IN_ENCODERS = ("autoencoder", "contrastive", "masked", "statistics", "window", "labels")


def third_party_encoders() -> list[str]:
    """The encoders that installed packages offer, sorted."""
    return sorted(entry_points(group=ENCODER_GROUP).names)


def _known(name: str) -> str:
    """Refuses an encoder that nobody offers; other packages are looked up only when they are asked for."""
    if name not in BUILT_IN_ENCODERS and name not in (others := third_party_encoders()):
        raise PydanticCustomError("unknown_name", "unknown name", {"tag": name, "known": [*BUILT_IN_ENCODERS, *others]})
    return name


#: What ``shared.modality`` says where windows are compared by their labels.
LABEL = "label"
EncoderName = Annotated[str, AfterValidator(_known)]
#: See ``mmbind/encoders/representations.py``.
RepresentationName = Literal["raw", "z_scored", "magnitude", "gravity_aligned", "vertical", "vertical_magnitude"]
#: See ``mmbind/encoders/align.py``.
AlignmentName = Literal["none", "centre", "standardise", "whiten", "coral"]


class Shared(Section):
    """The encoder of the shared modality; ``docs/encoders.md`` tells which one when."""

    #: One of ``windows.modalities``, or ``label`` with the encoder ``labels``.
    modality: Name
    #: Further modalities by which two roles are compared that both have them. Where this is
    #: set no role needs to have all: two roles are compared by whatever they share of these and
    #: the first, see ``docs/bridges.md``.
    also: list[Name] = Field(default=[], exclude_if=lambda also: not also)
    #: Further modalities that every unlabelled role has, each with its weight beside the
    #: first one's 1: their embeddings are joined.
    fused: dict[Name, PositiveFloat] = {}
    #: A built-in one, or the name of an entry point in the group ``mmbind.encoders``.
    encoder: EncoderName = "autoencoder"
    #: What the encoder sees of a window. Between devices that are worn differently:
    #: ``magnitude``, ``gravity_aligned``, ``vertical`` or ``vertical_magnitude``.
    representation: RepresentationName = "raw"
    #: What the embeddings of every source lose of what is peculiar to the source.
    align: AlignmentName = "none"
    #: Size of the embedding, of encoders that are trained.
    dimensions: int = Field(default=128, ge=2)
    #: Channels inside, of encoders that are trained.
    width: int = Field(default=64, ge=4)
    seed: int = Field(default=0, ge=0)
    #: Of encoders that are trained.
    schedule: Schedule = Schedule(epochs=100)
    #: Labels that mean the same, for the encoder ``labels``: a name and the one that replaces it.
    synonyms: dict[str, str] = {}
    #: Whatever the encoder of another package wants to know.
    options: dict[str, Any] = {}

    @property
    def modalities(self) -> list[str]:
        """The shared modality and those that are fused with it, sorted after the first."""
        return [self.modality, *sorted(self.fused)]

    @property
    def named(self) -> list[str]:
        """All modalities by which roles may be compared, in the order of the study."""
        return [self.modality, *self.also]

    def by(self, modalities: Sequence[str]) -> Shared:
        """The section for windows that are compared by some of the named modalities, each counting equally."""
        first, *rest = modalities
        return self.model_copy(update={"modality": first, "fused": dict.fromkeys(rest, 1.0), "also": []})

"""``roles``: who plays what in a study."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmbind.config.base import Section
from mmbind.config.sources import Name

#: A name that is a folder, too: it stays inside the folder that it is put into.
FolderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
#: The role whose few labels are used for fine-tuning.
TARGET = "target"
#: The role that is read once, by evaluate.
TEST = "test"


class LabelledSample(Section):
    """The few labels of the target that training may see."""

    count: int = Field(ge=1)
    #: ``balanced``: as equal per class as the counts allow. ``random``: as they come.
    draw: Literal["balanced", "random"] = "balanced"


class Role(Section):
    """A set of windows and what may be seen of them. Everything else goes to ``truth``."""

    sources: list[Name] = Field(min_length=1)
    #: Subjects of those sources; empty means all.
    subjects: list[str] = []
    #: Modalities that the role has.
    modalities: list[Name] = Field(min_length=1)
    #: Labels that the role shows: none, or a drawn sample (target only).
    labels: LabelledSample | None = None
    #: Whether the role shows all its labels: roles that are bound by label (``shared.modality: label``).
    show_labels: bool = False


class Rotation(Section):
    """Another assignment of subjects to the same roles, for the proof."""

    name: FolderName
    #: Subjects by role name; roles not named keep theirs.
    subjects: dict[str, list[str]]

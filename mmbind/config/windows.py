"""``windows``: how recordings are cut and resampled."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmbind.config.base import Section
from mmbind.config.sources import Name


class TrialCut(Section):
    """A window is a whole recording, time-normalised to the stated steps."""

    kind: Literal["trial"]


class SlidingCut(Section):
    """Windows of a fixed length at a fixed hop."""

    kind: Literal["sliding"]
    length_s: float = Field(gt=0)
    hop_s: float = Field(gt=0)


class EventCut(Section):
    """A window of a fixed length around the strongest moment of a recording (e.g. a fall's impact).

    The window is moved as far as it must be to stay inside the event modality's readings. In
    a recording that is shorter, it lies around the middle, its ends are held, and
    ``min_coverage`` decides whether enough of it is real.
    """

    kind: Literal["event"]
    length_s: float = Field(gt=0)
    #: The modality whose reading of largest magnitude (Euclidean norm of its channels) is the
    #: event. Every role must have it.
    modality: Name
    #: Recordings at least so long are one activity that goes on (walking for minutes, not one
    #: fall): windows follow one another to both sides of the event's, as far as they fit. None:
    #: one window for every recording.
    tile_from_s: float | None = Field(default=None, gt=0)


Cut = Annotated[TrialCut | SlidingCut | EventCut, Field(discriminator="kind")]


class WindowedModality(Section):
    """The grid of one modality inside a window."""

    #: Samples per window, evenly spaced over the window.
    steps: int = Field(ge=2)


class Windows(Section):
    """The window grid, common to all sources of a study."""

    cut: Cut
    modalities: dict[Name, WindowedModality] = Field(min_length=1)
    #: How readings become samples. ``linear``: a low-pass filter where the grid is slower, then
    #: lines between readings. ``polyphase``: a band-limited interpolation that does both at
    #: once; exacter for evenly spaced readings, and slower.
    resample: Literal["linear", "polyphase"] = "linear"
    #: Share of a modality's grid points that must lie beside a real reading.
    min_coverage: float = Field(default=0.9, gt=0, le=1)
    #: Share of the window that one label must cover to be the window's label.
    min_label_share: float = Field(default=0.6, gt=0.5, le=1)
    #: Windows per signal file.
    shard_size: int = Field(default=4096, ge=1)

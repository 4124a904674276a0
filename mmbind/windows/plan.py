"""Every window that a source could give, before its signals are looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmbind.config import EventCut, Windows
from mmbind.errors import MmbindError
from mmbind.files import short_id
from mmbind.windows.grid import Cuts, Span, Times, cut
from mmbind.windows.labels import intervals_by_recording, label_windows
from mmbind.windows.readings import Records


@dataclass(frozen=True)
class Planned:
    """The windows of one recording, and where they stand in the plan.

    Attributes:
        cuts: when they start and how long they are.
        offset: position of the first one in the plan.
        spans: what each modality covers.
    """

    cuts: Cuts
    offset: int
    spans: dict[str, Span]

    def cuts_of(self, modality: str) -> Cuts:
        """Where a modality's samples lie.

        In a trial every modality is spread over its own readings, from the first to the
        last: the sensors watched the same movement, but clocks that only count samples at a
        nominal rate disagree about how long it took. What one modality covers never depends
        on another one, which a role may have to hide.
        """
        if not self.cuts.closed:
            return self.cuts
        span = self.spans[modality]
        return Cuts(np.array([span.first], dtype=np.int64), span.last - span.first, closed=True)


@dataclass(frozen=True)
class Plan:
    """All windows of a source, recording after recording.

    Attributes:
        recordings: by recording id, the recordings that are cut.
        refused: recordings that are not, by reason.
        windows: window ids.
        owner: recording of each window, as its row in the table of recordings, int64 (windows,).
        starts: first moments, int64 ns (windows,).
        stops: moments behind the windows, int64 ns (windows,).
        labels: one per window, None for none.
        readings: per modality, how many there are, and how many of them are usable.
    """

    recordings: dict[str, Planned]
    refused: dict[str, int]
    windows: list[str]
    owner: npt.NDArray[np.int64]
    starts: Times
    stops: Times
    labels: list[str | None]
    readings: dict[str, tuple[int, int]]


def plan_windows(records: Records, windows: Windows, *, shared: str) -> Plan:
    """Plans the windows of a source.

    A window's id is the short id of its recording and its first moment.

    Args:
        records: the source's records.
        windows: the grid of ``params.yaml``.
        shared: the modality that all roles show.

    Raises:
        MmbindError: when readings belong to no recording, or a recording stands twice.
    """
    event = windows.cut.modality if isinstance(windows.cut, EventCut) else None
    spans: dict[str, dict[str, Span]] = {}
    counts = {modality: [0, 0] for modality in records.channels}
    for modality in records.channels:
        for shard in records.shards(modality):
            for found in records.readings(modality, shard):
                counts[modality][0] += found.read
                counts[modality][1] += len(found.times)
                if (span := found.span(peak=modality == event)) is not None:
                    spans.setdefault(found.recording, {})[modality] = span
    if unknown := sorted(spans.keys() - set(records.recordings["recording"])):
        raise MmbindError(
            f"{records.path}: readings of {len(unknown)} recordings ({unknown[0]}, ...) that recordings.parquet lacks.",
            hint="Run the stage 'ingest' again.",
        )
    intervals = intervals_by_recording(records.labels)
    planned: dict[str, Planned] = {}
    refused: Counter[str] = Counter()
    ids: list[str] = []
    labels: list[str | None] = []
    owner, starts, stops = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for row, recording in enumerate(records.recordings["recording"]):
        covered = spans.get(recording, {})
        cuts = cut(covered, windows.cut, shared=shared)
        if isinstance(cuts, str):
            refused[cuts] += 1
            continue
        planned[recording] = Planned(cuts, len(ids), covered)
        ids += [short_id(recording, start) for start in cuts.starts.tolist()]
        labels += label_windows(intervals.get(recording, {}), cuts.starts, cuts.length, windows.min_label_share)
        owner.append(np.full(len(cuts.starts), row, dtype=np.int64))
        starts.append(cuts.starts)
        stops.append(cuts.starts + cuts.length)
    if len(records.recordings) != len(planned) + refused.total():
        raise MmbindError(
            f"{records.path}: a recording stands twice in recordings.parquet.", hint="Run 'ingest' again."
        )
    return Plan(
        recordings=planned,
        refused=dict(sorted(refused.items())),
        windows=ids,
        owner=np.concatenate(owner),
        starts=np.concatenate(starts),
        stops=np.concatenate(stops),
        labels=labels,
        readings={modality: (read, usable) for modality, (read, usable) in counts.items()},
    )

"""Labels: what was going on, as intervals of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import Labels
from mmbind.sources.parts import Parts

_Integers = npt.NDArray[np.int64]
#: Part (int64), first time (int64 ns) and label of each run.
_Runs = tuple[_Integers, _Integers, list[str | None]]
#: Later than any time.
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Mark:
    """What one row says of a recording.

    Attributes:
        table: the table's path, and the line in it.
        line: see there.
        raw: the row's text.
        label: as logged; None: the label of the recording's path.
        start_ns: first moment, None for the whole recording; so too the next one.
        stop_ns: the moment behind the last one.
    """

    table: str
    line: int
    raw: str
    label: str | None
    start_ns: int | None
    stop_ns: int | None

    @property
    def says(self) -> list[Any]:
        """What a recording's digest holds of it: not the line, which other rows may shift."""
        return [self.table, self.raw]


def common_name(logged: str | None, labels: Labels) -> str | None:
    """The common name of a label as logged; None for none."""
    if logged is None or logged in labels.unlabelled:
        return None
    return labels.map.get(logged, logged)


def whole_recording(logged: str | None, labels: Labels, parts: Parts) -> pl.DataFrame:
    """One interval per part, for a label that the path tells.

    Args:
        logged: the label as logged, None for none.
        labels: mapping of names.
        parts: the recording's parts.

    Returns:
        part (int64), start_ns, stop_ns, label; empty when there is no label.
    """
    label = common_name(logged, labels)
    count = 0 if label is None else len(parts.starts)
    return pl.DataFrame(
        {
            "part": np.arange(count),
            "start_ns": parts.starts[:count],
            "stop_ns": parts.stops[:count],
            "label": pl.Series([label] * count, dtype=pl.String),
        }
    )


class LabelRuns:
    """Intervals from labels that stand beside the readings, while readings come in.

    A label holds from its first reading to the next reading that has another one (or none),
    or to the part's end. Where modalities disagree about one moment, the first label in
    alphabetical order holds.
    """

    def __init__(self, labels: Labels) -> None:
        """Starts a recording.

        Args:
            labels: mapping of names.
        """
        self._labels = labels
        #: Part, first time and label of runs; the first of several pieces may go on the last one before.
        self._runs: list[_Runs] = []

    def add(self, marked: Sequence[pl.DataFrame], parts: Parts) -> None:
        """Takes the next readings.

        Args:
            marked: per modality, t_ns (int64, increasing) and label (as logged, null for none),
                not empty.
            parts: the parts they lie in.
        """
        first, *others = marked
        others = [frame for frame in others if not frame.equals(first)]  # those of one table often are
        times, logged = _together([first, *others], parts) if others else _alone(first, parts)
        names = {name: common_name(name, self._labels) for name in set(logged)}
        self._runs.append(_first_of_runs(parts.of(times), times, [names[name] for name in logged]))

    def intervals(self, parts: Parts) -> pl.DataFrame:
        """The intervals, once all readings came.

        Args:
            parts: all parts of the recording.

        Returns:
            part (int64), start_ns, stop_ns, label; sorted.
        """
        part, starts, labels = _first_of_runs(
            np.concatenate([part for part, _, _ in self._runs]),
            np.concatenate([starts for _, starts, _ in self._runs]),
            [label for _, _, labels in self._runs for label in labels],
        )
        stops = parts.stops[part]
        goes_on = np.flatnonzero(part[1:] == part[:-1])
        stops[goes_on] = starts[goes_on + 1]
        table = pl.DataFrame([pl.Series("part", part), pl.Series("start_ns", starts), pl.Series("stop_ns", stops)])
        return table.hstack([pl.Series("label", labels, dtype=pl.String)]).drop_nulls("label")


def _first_of_runs(part: _Integers, times: _Integers, labels: list[str | None]) -> _Runs:
    """Leaves out what has the part and the label of what is before it."""
    other = np.fromiter((one != before for before, one in pairwise(labels)), dtype=np.bool_, count=len(labels) - 1)
    begins = np.flatnonzero(np.append(True, other | (part[1:] != part[:-1])))
    return part[begins], times[begins], [labels[row] for row in begins.tolist()]


def _alone(frame: pl.DataFrame, parts: Parts) -> tuple[_Integers, list[str | None]]:
    """Times and labels of the readings of one modality whose label changes, or that are the first of a part."""
    times = frame["t_ns"].to_numpy()
    begun = np.searchsorted(times, parts.starts)
    rows = np.unique(np.append(_changes(frame["label"]), begun[begun < len(times)]))
    return times[rows], frame["label"].gather(rows).to_list()


def _together(marked: Sequence[pl.DataFrame], parts: Parts) -> tuple[_Integers, list[str | None]]:
    """Times and labels of all modalities in one order of time, those left out that tell nothing new.

    Moments at which a modality's label changes, or a part starts, cut time into stretches.
    Where the modalities agree about a stretch its first moment tells all; elsewhere every
    reading counts.
    """
    times = [frame["t_ns"].to_numpy() for frame in marked]
    changes = [_changes(frame["label"]) for frame in marked]
    begun = np.stack([_first_times(each, parts.starts) for each in times]).min(axis=0)
    known = [t[rows] for t, rows in zip(times, changes, strict=True)]
    cuts = np.unique(np.concatenate([*known, begun[begun < _NEVER]]))
    one, agree, any_known = pl.Series([None] * len(cuts), dtype=pl.String), np.ones(len(cuts), np.bool_), cuts == _NEVER
    for frame, rows, t in zip(marked, changes, known, strict=True):
        before = np.searchsorted(t, cuts, side="right") - 1
        mine, label = before >= 0, frame["label"].gather(rows).gather(np.maximum(before, 0))
        agree &= ~mine | ~any_known | one.eq_missing(label).to_numpy()
        one, any_known = one.zip_with(pl.Series(any_known | ~mine), label), any_known | mine
    table = pl.DataFrame({"t_ns": cuts, "label": one}).filter(agree)
    if agree.all():
        return table["t_ns"].to_numpy(), table["label"].to_list()
    doubted = [f.filter(~agree[np.searchsorted(cuts, t, side="right") - 1]) for f, t in zip(marked, times, strict=True)]
    every = pl.concat(doubted).sort("t_ns", "label", nulls_last=True).unique("t_ns", keep="first")
    every = pl.concat([table, every.select("t_ns", "label")]).sort("t_ns")
    return every["t_ns"].to_numpy(), every["label"].to_list()


def _changes(labels: pl.Series) -> _Integers:
    """Rows whose label is not that of the row before, the first one included."""
    differs = labels[1:].ne_missing(labels[:-1]).to_numpy()
    return np.append(0, np.flatnonzero(differs) + 1)


def _first_times(times: _Integers, starts: _Integers) -> _Integers:
    """The first of some times at or behind each start, ``_NEVER`` for none."""
    return np.append(times, _NEVER)[np.searchsorted(times, starts)]


def marked_recording(
    marks: Sequence[Mark], path_label: str | None, labels: Labels, parts: Parts
) -> tuple[pl.DataFrame, list[tuple[Mark, str]]]:
    """Intervals from the rows of label tables.

    Args:
        marks: the rows that belong to the recording.
        path_label: label as the path logs it, for rows that name none.
        labels: mapping of names; its ``table`` says where times count from.
        parts: the recording's parts.

    Returns:
        part (int64), start_ns, stop_ns, label; sorted, without overlaps. And the rows that
        cannot be used, each with the reason.
    """
    counted = labels.table is not None and labels.table.origin == "recording"
    begin, end = int(parts.starts.min()), int(parts.stops.max())
    origin = begin if counted else 0
    unfit: list[tuple[Mark, str]] = []
    taken: list[tuple[int, int, str | None]] = []
    whole = (begin - origin, end - origin)
    for start, stop, mark in sorted(
        ((*(whole if m.start_ns is None or m.stop_ns is None else (m.start_ns, m.stop_ns)), m) for m in marks),
        key=lambda each: (each[0], each[2].table, each[2].line),
    ):
        label = common_name(path_label if mark.label is None else mark.label, labels)
        first, last = max(start + origin, begin), min(stop + origin, end)
        if first >= last:
            seconds = f"{(begin - origin) / 1e9:g} to {(end - origin) / 1e9:g} s"
            unfit.append((mark, f"the recording lasts from {seconds}."))
        elif taken and first < taken[-1][1]:
            if label == taken[-1][2]:
                taken[-1] = (taken[-1][0], max(last, taken[-1][1]), label)
            else:
                unfit.append((mark, f"it overlaps another row, which says {taken[-1][2]!r}."))
        else:
            taken.append((first, last, label))
    rows = [
        (part, max(first, start), min(last, stop), label)
        for first, last, label in taken
        if label is not None
        for part, (start, stop) in enumerate(zip(parts.starts.tolist(), parts.stops.tolist(), strict=True))
        if first < stop and start < last
    ]
    schema = {"part": pl.Int64, "start_ns": pl.Int64, "stop_ns": pl.Int64, "label": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("part", "start_ns"), unfit

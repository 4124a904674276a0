"""The stage ``window``: records of a source become a window store.

Two walks over the records, one recording in memory at a time. The first finds what every
recording covers and plans the windows; the second resamples each modality for itself and
spills the windows to disk in the order they come. They are then put in the order of their
ids, one shard of the store at a time.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmbind.config import TrialCut, Windows
from mmbind.errors import InputError
from mmbind.files import whole_folder
from mmbind.progress import progress
from mmbind.study import Study
from mmbind.validation.judgement import Judgement
from mmbind.windows.gate import check_windows
from mmbind.windows.grid import Cuts
from mmbind.windows.plan import Plan, plan_windows
from mmbind.windows.readings import Records
from mmbind.windows.resample import Resampler
from mmbind.windows.spill import Spill
from mmbind.windows.store import ModalitySpec, Positions, StoreWriter

#: Windows that are interpolated at once.
BLOCK = 1024
#: Why a planned window is refused.
COVERAGE = "no modality covers enough"


@dataclass(frozen=True)
class WindowSummary:
    """What :func:`cut_windows` did.

    Attributes:
        source: the source.
        counts: as in the store's manifest: recordings (read, cut, refused by reason),
            windows (planned, kept, refused by reason), modalities (present, absent),
            labels, unlabelled, readings (read, unusable).
        judgement: of the windows; None in a study without ``windows.json``.
    """

    source: str
    counts: dict[str, Any]
    judgement: Judgement | None = None

    def lines(self) -> list[str]:
        """Windows kept, what was refused, and the labels."""
        windows, recordings = self.counts["windows"], self.counts["recordings"]
        lines = [
            f"{self.source}: {windows['kept']} windows of {recordings['cut']} recordings "
            f"({recordings['read']} read), {len(self.counts['labels'])} labels, {self.counts['unlabelled']} unlabelled"
        ]
        for what, counts in (("recordings", recordings), ("windows", windows)):
            lines += [f"{self.source}: {count} {what} refused: {why}" for why, count in counts["refused"].items()]
        for name, count in self.counts["modalities"].items():
            if count["absent"]:
                lines.append(f"{self.source}: {name} is absent from {count['absent']} windows")
        for name, count in self.counts["readings"].items():
            if count["unusable"]:
                lines.append(f"{self.source}: {count['unusable']} {name} readings lack a channel and were passed over")
        return [*lines, *(self.judgement.lines() if self.judgement else [])]


def cut_windows(study: Study, source: str) -> WindowSummary:
    """Cuts a source's recordings into windows and writes the store.

    Each modality is resampled on its own grid (``windows.modalities``), float32
    (windows, steps, channels) in SI units. A modality is absent from a window in which it
    covers less than ``windows.min_coverage`` of the grid; a sample is covered when a reading
    lies within one interval of readings or one step of the grid, whichever is longer.

    Args:
        study: the study; reads ``data/records/<source>``, writes ``data/windows/<source>``.
        source: the source's name.

    Returns:
        Counts of everything kept and refused.

    Raises:
        InputError: for an unknown source, or when no window can be cut.
        MissingStageError: when the source was not ingested.
        ConfigError: when the suite ``windows.json`` is wrong.
        GateError: when the windows break a critical rule of it; they are left to be looked at.
    """
    records, windows = Records.open(study, source), study.params.windows
    plan = plan_windows(records, windows, shared=study.params.shared.modality)
    specs = {name: _spec(records, windows, name) for name in records.channels}
    with whole_folder(study.windows(source)) as folder:
        spilled = {name: _resample(records, plan, windows, name, spec, folder) for name, spec in specs.items()}
        order = np.argsort(np.array(plan.windows, dtype=np.bytes_), kind="stable")
        has_any = np.zeros(len(order), dtype=np.bool_)
        for spill in spilled.values():
            has_any |= spill.rows >= 0
        order = order[has_any[order]]
        counts = _count(records, plan, spilled, order)
        if not len(order):
            raise _nothing(source, counts, windows)
        writer = StoreWriter(folder, specs)
        for begin in range(0, len(order), windows.shard_size):
            chosen = order[begin : begin + windows.shard_size]
            index = _index(records, plan, chosen)
            writer.add(index, {name: spill.read(chosen) for name, spill in spilled.items()})
        writer.close(counts)
        shutil.rmtree(folder / ".spill")
        judgement = check_windows(study, source, folder)
    if judgement is not None:
        judgement.enforce()
    return WindowSummary(source, counts, judgement)


def _spec(records: Records, windows: Windows, modality: str) -> ModalitySpec:
    """What the store says of a modality."""
    steps, how = windows.modalities[modality].steps, windows.cut
    rate = None if isinstance(how, TrialCut) else steps / how.length_s
    return ModalitySpec(steps, records.channels[modality], records.units[modality], rate)


def _resample(records: Records, plan: Plan, windows: Windows, modality: str, spec: ModalitySpec, folder: Path) -> Spill:
    """Brings one modality of all planned windows on its grid and spills those it covers."""
    path = folder / ".spill" / modality
    spill = Spill(path, planned=len(plan.windows), steps=spec.steps, channels=len(spec.channels))
    with spill:
        for shard in progress(records.shards(modality), f"window {records.path.name}: {modality}, shards"):
            for found in records.readings(modality, shard):
                planned = plan.recordings.get(found.recording)
                if planned is None or modality not in planned.spans:
                    continue
                cuts = planned.cuts_of(modality)
                if not cuts.length:
                    continue
                interval, step = planned.spans[modality].interval, cuts.step(spec.steps)
                readings = Resampler.of(found.times, found.values, interval=interval, step=step, how=windows.resample)
                for begin in range(0, len(cuts.starts), BLOCK):
                    grid = Cuts(cuts.starts[begin : begin + BLOCK], cuts.length, cuts.closed).grid(spec.steps)
                    samples, covered = readings.on(grid)
                    kept = np.flatnonzero(covered >= windows.min_coverage)
                    spill.append(planned.offset + begin + kept, samples[kept])
    return spill


def _index(records: Records, plan: Plan, chosen: Positions) -> pl.DataFrame:
    """The index of some planned windows, ``schema.WINDOWS`` but ``shard``."""
    owner = records.recordings.select("recording", "source", "subject")[plan.owner[chosen]]
    return pl.DataFrame(
        {
            "window": [plan.windows[position] for position in chosen],
            **{column.name: column for column in owner.iter_columns()},
            "start_ns": plan.starts[chosen],
            "stop_ns": plan.stops[chosen],
            "label": [plan.labels[position] for position in chosen],
        },
        schema_overrides={"label": pl.String},
    )


def _count(records: Records, plan: Plan, spilled: Mapping[str, Spill], kept: Positions) -> dict[str, Any]:
    """Everything that came in and what became of it."""
    labels = Counter(label for position in kept if (label := plan.labels[position]) is not None)
    refused = len(plan.windows) - len(kept)
    present = {name: int((spill.rows[kept] >= 0).sum()) for name, spill in spilled.items()}
    return {
        "recordings": {"read": len(records.recordings), "cut": len(plan.recordings), "refused": plan.refused},
        "windows": {
            "planned": len(plan.windows),
            "kept": len(kept),
            "refused": {COVERAGE: refused} if refused else {},
        },
        "modalities": {name: {"present": count, "absent": len(kept) - count} for name, count in present.items()},
        "labels": dict(sorted(labels.items())),
        "unlabelled": len(kept) - labels.total(),
        "readings": {name: {"read": read, "unusable": read - usable} for name, (read, usable) in plan.readings.items()},
    }


def _nothing(source: str, counts: Mapping[str, Any], windows: Windows) -> InputError:
    """Says why a source gave no window."""
    reasons = {**counts["recordings"]["refused"], **counts["windows"]["refused"]}
    why = ", ".join(f"{count} x {reason}" for reason, count in reasons.items()) or "it has no recordings"
    asked = "over whole recordings" if isinstance(windows.cut, TrialCut) else f"of {windows.cut.length_s} s"
    return InputError(
        f"The source {source!r} gives no window {asked}: {why}.",
        hint="Check 'windows' (length_s, min_coverage) against the recordings, and the clocks under 'sources'.",
    )

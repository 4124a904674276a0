"""The summary that suites judge: one small table of rows about files, modalities and the source.

=========  ==================================================  ====================
scope      a row is about                                      file, modality, unit
=========  ==================================================  ====================
file       a file's readings of one modality                   all set
file       a file as a whole, where something was wrong        modality empty
modality   all readings of one modality                        file empty
source     the source as a whole                               all empty
=========  ==================================================  ====================

A figure that a row does not have is null, and rules pass over nulls.
"""

from __future__ import annotations

import polars as pl

from mmbind.sources.rules import BACKWARD_TIME, DUPLICATE_TIME, NOT_FINITE
from mmbind.validation.table import KEYS, Table

#: What a row can be about.
SCOPES = ("file", "modality", "source")
#: Shares of rows read that a quarantine rule set aside, by column.
CAUSES = {
    "duplicate_share": DUPLICATE_TIME,
    "backward_share": BACKWARD_TIME,
    "not_finite_share": NOT_FINITE,
}
#: Columns that are measured in the modality's unit.
IN_UNIT = (
    "min",
    "max",
    "abs_max",
    "typical_magnitude",
    "mean_magnitude",
    "least_magnitude",
    "greatest_magnitude",
    "rest_magnitude",
    "rest_spread",
    "extent",
)
#: The table's columns.
SUMMARY: dict[str, type[pl.DataType]] = {
    **KEYS,
    #: How a derived modality was computed, e.g. ``linear_acceleration``; empty for one that was read.
    "kind": pl.String,
    "channels": pl.Int64,
    #: Rows by fate, and the quarantined share of the rows read.
    "rows_read": pl.Int64,
    "rows_kept": pl.Int64,
    "rows_quarantined": pl.Int64,
    "quarantine_share": pl.Float64,
    **dict.fromkeys(CAUSES, pl.Float64),
    #: Share of files that could not be read (1 for such a file).
    "unreadable_share": pl.Float64,
    #: Remarks in the quarantine about a file as a whole that was read, e.g. a missing column.
    "remarks": pl.Int64,
    #: Kept values that are missing or not finite; kept readings not later than the one before.
    "nulls": pl.Int64,
    "unordered": pl.Int64,
    #: Readings per second inside recordings, and its ratio to the rate declared, or else to
    #: the median of the source's files.
    "rate_hz": pl.Float64,
    "rate_ratio": pl.Float64,
    "largest_gap_s": pl.Float64,
    "min": pl.Float64,
    "max": pl.Float64,
    "abs_max": pl.Float64,
    "constant_channels": pl.Int64,
    #: Of triaxial vectors: median length, over all readings and over the quietest 0.5 s windows
    #: (of a modality: the median of its files), and the range of the length in those windows.
    "typical_magnitude": pl.Float64,
    "rest_magnitude": pl.Float64,
    "rest_spread": pl.Float64,
    #: Of vectors of 3 or 4 channels: mean, least and greatest length.
    "mean_magnitude": pl.Float64,
    "least_magnitude": pl.Float64,
    "greatest_magnitude": pl.Float64,
    #: Faults of single readings, see :mod:`mmbind.validation.faults`; a modality's are the worst file's, its
    #: shares those of all its readings.
    "frozen_s": pl.Float64,
    "clipped_share": pl.Float64,
    "spikes": pl.Int64,
    "spike_share": pl.Float64,
    "gap_share": pl.Float64,
    "extent": pl.Float64,
    #: How a vector's turns agree with the gyroscope's, see :mod:`mmbind.validation.turning`.
    "turning_windows": pl.Int64,
    "turning_agreement": pl.Float64,
    "turning_margin": pl.Float64,
    "turning_scale": pl.Float64,
    #: Angle in degrees between a file's gravity and that of its device and placement, see
    #: :mod:`mmbind.validation.pose`.
    "pose_angle": pl.Float64,
    #: Share of a file's fingerprint that another recording has, too, and another modality of the
    #: same recording; see :mod:`mmbind.validation.copies`.
    "copied_share": pl.Float64,
    "twin_share": pl.Float64,
}
#: The summary as suites know it.
RECORDS = Table("records", SUMMARY, SCOPES, IN_UNIT)

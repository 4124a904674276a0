"""The rules by which ingest sets readings, files and rows of label tables aside.

All of them, so that the documentation and the tests can be held against the list. A
third-party reader may add rules of its own.
"""

from __future__ import annotations

#: A line or batch that cannot be taken apart into numbers.
BROKEN_LINE = "broken_line"
#: A reading without a time, with a value that is no finite number, or one that records cannot hold.
BAD_TIME = "bad_time"
NOT_FINITE = "not_finite"
OUT_OF_RANGE = "out_of_range"
#: A reading whose time repeats, lies behind, or leaps ahead of those around it.
DUPLICATE_TIME = "duplicate_time"
BACKWARD_TIME = "backward_time"
LEAP_TIME = "leap_time"
#: A reading of which its derived modality cannot be computed.
NOT_DERIVABLE = "not_derivable"
#: A file that no reader can open or that holds nothing; one that lacks a table, a modality's column, its labels.
UNREADABLE = "unreadable"
EMPTY_FILE = "empty_file"
MISSING_TABLE = "missing_table"
MISSING_COLUMN = "missing_column"
MISSING_LABELS = "missing_labels"
#: A file whose path does not tell whose it is, or tells the same as another one's.
UNMATCHED_PATH = "unmatched_path"
SAME_RECORDING = "same_recording"
#: A row of a label table that says nothing usable, belongs to no recording, or cannot be used for its recording.
BAD_LABEL = "bad_label"
NO_RECORDING = "label_without_recording"
LABEL_UNFIT = "label_unfit"

#: What they set aside.
OF_READINGS = (
    BROKEN_LINE,
    BAD_TIME,
    NOT_FINITE,
    OUT_OF_RANGE,
    DUPLICATE_TIME,
    BACKWARD_TIME,
    LEAP_TIME,
    NOT_DERIVABLE,
)
OF_FILES = (
    UNREADABLE,
    EMPTY_FILE,
    MISSING_TABLE,
    MISSING_COLUMN,
    MISSING_LABELS,
    UNMATCHED_PATH,
    SAME_RECORDING,
)
OF_LABELS = (BAD_LABEL, NO_RECORDING, LABEL_UNFIT)

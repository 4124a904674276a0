"""Labels from tables that lie beside the logs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mmbind.config import Labels
from mmbind.errors import DataError, InputError
from mmbind.sources import ingest
from mmbind.sources.labels import Mark, marked_recording
from mmbind.sources.parts import Parts
from mmbind.study import Study
from tests.unit.sources.logs import conserved, content, lines, manifest, source_study, table, write_csv

SECOND = 1_000_000_000
TABLE = {"files": "notes/*.csv", "columns": {"subject": "who", "session": "run"}, "label": "what"}
TIMED = {**TABLE, "start": "from", "stop": "to"}


def study_of(root: Path, labels: dict[str, Any], **source: Any) -> Study:
    study = source_study(
        root,
        files="*.csv",
        identity={"pattern": r"(?P<label>\w)-(?P<subject>\w+)_(?P<session>\d+)\.csv$"},
        labels=labels,
        **source,
    )
    for name in ("w-ann_1", "w-ann_2", "r-bob_1"):
        write_csv(study, f"{name}.csv", lines(101))  # two seconds
    return study


def notes(study: Study, text: str, name: str = "notes/all.csv") -> None:
    path = study.raw("s") / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def found(study: Study) -> dict[str, list[tuple[float, float, str]]]:
    """Intervals in seconds by file."""
    files = table(study, "recordings").select("recording", "file", origin="start_ns")
    rows = table(study, "labels").join(files, on="recording").sort("file", "start_ns")
    by_file: dict[str, list[tuple[float, float, str]]] = {}
    for row in rows.iter_rows(named=True):
        begin, end = ((row[key] - row["origin"]) / SECOND for key in ("start_ns", "stop_ns"))
        by_file.setdefault(row["file"], []).append((begin, round(end, 3), row["label"]))
    return by_file


def test_rows_label_recordings_and_the_others_keep_the_label_of_their_path(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"table": TABLE, "map": {"w": "walk", "r": "run", "S": "sit"}})
    notes(study, "\ufeffwho,run,what\nann, 2 ,S\n")
    ingest(study, "s")
    assert {file: [label for _, _, label in rows] for file, rows in found(study).items()} == {
        "w-ann_1.csv": ["walk"],
        "w-ann_2.csv": ["sit"],
        "r-bob_1.csv": ["run"],
    }


def test_intervals_count_from_the_first_reading(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"table": TIMED})
    late = [line.replace(line.split(",")[0], str(5000 + 20 * i), 1) for i, line in enumerate(lines(101))]
    write_csv(study, "w-ann_1.csv", late)
    notes(study, "who,run,what,from,to\nann,1,b,1.0,9\nann,1,a,0.25,0.75\nann,1,,0.8,0.9\n")
    ingest(study, "s")
    assert found(study)["w-ann_1.csv"] == [(0.25, 0.75, "a"), (1.0, 2.0, "b")]


def test_a_table_per_recording_takes_the_label_of_the_path_and_the_clock_of_the_log(tmp_path: Path) -> None:
    its = {"files": "notes/*.csv", "path": r"(?P<subject>\w+)-(?P<session>\d)", "start": "a", "stop": "b"}
    study = study_of(tmp_path, {"table": {**its, "unit": "ms", "origin": "clock"}})
    notes(study, "a,b\n500,1500\n", "notes/ann-2.csv")
    ingest(study, "s")
    assert found(study)["w-ann_2.csv"] == [(0.5, 1.5, "w")]


def test_a_pattern_reads_the_key_from_a_column(tmp_path: Path) -> None:
    its = {"files": "notes/*.csv", "patterns": {"file": r"(?P<subject>\w+)/(?P<session>\d)"}, "label": "what"}
    study = study_of(tmp_path, {"table": {**its, "separator": ";"}})
    notes(study, "file;what\nann/1;x\nnobody;y\n")
    ingest(study, "s")
    assert found(study)["w-ann_1.csv"][0][2] == "x"
    assert table(study, "quarantine").select("file", "line", "rule").rows() == [("notes/all.csv", 3, "bad_label")]


def test_rows_that_fit_nothing_are_set_aside_and_counted(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"table": TIMED})
    rows = ["ann,1,a,0,1", "eve,1,a,0,1", "ann,1,a,x,1", "ann,1,a,1,1", "ann,1", "bob,1,b,50,60", "bob,1,b,0,1"]
    notes(study, "\n".join(["who,run,what,from,to", *rows, "bob,1,c,0.5,2", ""]))
    summary = ingest(study, "s")
    assert summary.rules == {"bad_label": 3, "label_unfit": 2, "label_without_recording": 1}
    counts = manifest(study)["label_tables"]["notes/all.csv"]
    assert (counts["rows"], counts["used"], counts["quarantined"]) == (8, 4, 4)
    reasons = dict(table(study, "quarantine").select("raw", "reason").rows())
    assert reasons[b"eve,1,a,0,1"] == "no recording has session 1, subject eve."
    assert "lasts from 0 to 2 s" in reasons[b"bob,1,b,50,60"]
    assert "overlaps another row, which says 'b'" in reasons[b"bob,1,c,0.5,2"]
    assert found(study)["r-bob_1.csv"] == [(0.0, 1.0, "b")]
    assert conserved(study)


def test_a_changed_row_reads_what_it_labels_and_nothing_else(tmp_path: Path) -> None:
    study, anew = (study_of(tmp_path / name, {"table": TIMED}) for name in "ab")
    notes(study, "who,run,what,from,to\nann,1,a,0,1\nbob,1,b,0,60\nbob,1,b,70,80\n")
    ingest(study, "s")
    changed = "who,run,what,from,to\nann,2,z,0,1\nann,1,a,0.5,1\nbob,1,b,0,60\nbob,1,b,70,80\n"
    notes(study, changed)
    assert ingest(study, "s").read == 2
    notes(anew, changed)
    ingest(anew, "s")
    assert content(study) == content(anew)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("who,run,waht\n", InputError, "no column 'what'"),
        ("", DataError, "is empty"),
        ("who,run,what\n\xff\n", DataError, "cannot be read"),
    ],
)
def test_broken_tables_are_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    study = study_of(tmp_path, {"table": TABLE})
    notes(study, "")
    (study.raw("s") / "notes/all.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(error, match=message):
        ingest(study, "s")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"table": {"files": "*", "label": "what"}}, "must say which recordings"),
        ({"table": {**TABLE, "start": "from"}}, "start and stop go together"),
        ({"table": {**TABLE, "path": "("}}, "not a regular expression"),
        ({"table": {**TABLE, "path": "ann"}}, "no named group"),
        ({"table": {**TABLE, "columns": {"device": "d"}}}, "rows tell device, which identity.pattern does not"),
        ({"table": TABLE, "column": "label"}, "labels come from one of them"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, labels: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        study_of(tmp_path, labels)


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(st.integers(-50, 250), st.integers(1, 80), st.sampled_from("ab")), max_size=12))
def test_intervals_never_overlap_and_every_row_is_used_or_told(rows: list[tuple[int, int, str]]) -> None:
    parts = Parts(np.array([0, 120]), np.array([100, 200]))
    marks = [Mark("t", n, str(n), label, start, start + length) for n, (start, length, label) in enumerate(rows)]
    labels = Labels.model_validate({"table": {"files": "*", "columns": {"subject": "who"}, "start": "a", "stop": "b"}})
    intervals, unfit = marked_recording(marks, None, labels, parts)
    starts, stops = intervals["start_ns"].to_list(), intervals["stop_ns"].to_list()
    assert all(stop <= start for stop, start in zip(stops, starts[1:], strict=False))
    assert all(
        0 <= start < stop <= 100 or 120 <= start < stop <= 200 for start, stop in zip(starts, stops, strict=True)
    )
    refused = {mark.line for mark, _ in unfit}
    held = {
        (t, label)
        for start, stop, label in zip(starts, stops, intervals["label"], strict=True)
        for t in range(start, stop)
    }
    for mark in marks:
        inside = [t for t in (*range(100), *range(120, 200)) if mark.start_ns <= t < mark.stop_ns]
        assert mark.line in refused or all((t, mark.label) in held for t in inside)

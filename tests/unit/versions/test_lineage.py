"""A pair is walked back to the raw lines that its windows were made of."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.errors import DataError, InputError
from mmbind.files import write_json, write_parquet
from mmbind.roles import assign_roles
from mmbind.schema import PAIRS
from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.versions import trace_pair
from mmbind.windows import cut_windows
from mmbind.windows.store import WindowStore
from tests.support import write_study
from tests.unit.versions.bindings import manifest_of

#: Data lines of every file: 32 s at 50 Hz, a pause in the middle.
LINES = 1600


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Six people with spoilt logs, and one pair that was made by hand."""
    study = write_study(tmp_path_factory.mktemp("lineage") / "study")
    raw = study.raw("s")
    raw.mkdir(parents=True)
    for number in range(1, 7):
        _write_log(raw / f"p{number}_1.csv", np.random.default_rng(number))
    ingest(study, "s")
    cut_windows(study, "s")
    assign_roles(study)
    a, b = (WindowStore.open(study.role(role), stage="assign") for role in "AB")
    rows = [(a.ids[i], "s", b.ids[-1 - i], "s", "acc", "mag", 0.9, 1, 0.1, True, 0.8) for i in range(len(a))]
    write_parquet(study.bindings / "pairs.parquet", pl.DataFrame(rows, schema=dict(PAIRS), orient="row"))
    write_json(study.bindings / "manifest.json", manifest_of("1"))
    return study


def _write_log(path: Path, random: np.random.Generator) -> None:
    """A line every 20 ms; a pause of 5 s after half of them; some lines that cannot be used."""
    names = [f"{name}_{axis}" for name in ("acc", "gyro", "mag") for axis in "xyz"]
    lines = [",".join(["t", *names, "label"])]
    for number in range(LINES):
        time = number * 20 + (5000 if number >= LINES // 2 else 0)
        values = [f"{value:.4f}" for value in random.normal(size=9)]
        if random.random() < 0.03:
            values[int(random.integers(9))] = random.choice(["oops", "nan"])
        if random.random() < 0.01:
            time -= 60
        lines.append(",".join([str(time), *values, "walk"]))
    path.write_text("\n".join(lines) + "\n")


def test_every_window_lies_on_the_lines_that_are_told(study: Study) -> None:
    quarantine = pl.read_parquet(study.records("s") / "quarantine.parquet")
    assert quarantine.height > 50
    for pair in pl.read_parquet(study.bindings / "pairs.parquet").iter_rows(named=True):
        lineage = trace_pair(study, f"{pair['anchor']}:{pair['partner'][:10]}")
        for origin in (lineage.anchor, lineage.partner):
            assert {span.modality for span in origin.spans} == (
                {"acc", "gyro"} if origin.role == "A" else {"acc", "mag"}
            )
            for span in origin.spans:
                lines = (study.raw("s") / span.file).read_text().splitlines()
                gone = set(quarantine.filter(file=span.file, modality=span.modality)["line"])
                times = [
                    int(lines[n - 1].split(",")[0]) for n in range(span.first_line, span.last_line + 1) if n not in gone
                ]
                assert len(times) == span.readings
                assert origin.start_ns <= times[0] * 1_000_000 < origin.start_ns + 150_000_000
                assert origin.stop_ns - 150_000_000 < times[-1] * 1_000_000 <= origin.stop_ns
    assert any("p3" in span.file or "p4" in span.file for span in lineage.partner.spans)
    json.dumps(lineage.to_dict())
    assert "lines " in "\n".join(lineage.lines())


def test_the_values_of_the_first_line_are_those_of_the_records(study: Study) -> None:
    anchor = pl.read_parquet(study.bindings / "pairs.parquet")["anchor"][0]
    origin = trace_pair(study, anchor).anchor
    span = next(span for span in origin.spans if span.modality == "gyro")
    raw = (study.raw("s") / span.file).read_text().splitlines()[span.first_line - 1].split(",")
    records = pl.read_parquet(study.records("s") / "gyro" / "*.parquet").filter(recording=origin.recording)
    first = records.filter(pl.col("t_ns") >= origin.start_ns).row(0)
    np.testing.assert_allclose(first[2:], [float(value) for value in raw[4:7]], rtol=1e-6)


def test_what_is_no_pair_is_told(study: Study) -> None:
    for name in ("nobody", "", ":x"):
        with pytest.raises(InputError, match="No pair is called"):
            trace_pair(study, name)
    with pytest.raises(InputError, match="is the beginning of"):
        trace_pair(study, _common_beginning(study))


def _common_beginning(study: Study) -> str:
    anchors = pl.read_parquet(study.bindings / "pairs.parquet")["anchor"].to_list()
    return next(a[0] for a in anchors if sum(other[0] == a[0] for other in anchors) > 1)


def test_a_raw_file_that_has_changed_is_told(study: Study) -> None:
    anchor = pl.read_parquet(study.bindings / "pairs.parquet")["anchor"][0]
    path = study.raw("s") / trace_pair(study, anchor).anchor.spans[0].file
    text = path.read_text()
    path.write_text(text + "\n")
    with pytest.raises(DataError, match="not the file that was read"):
        trace_pair(study, anchor)
    path.unlink()
    with pytest.raises(DataError, match="is gone"):
        trace_pair(study, anchor)
    path.write_text(text)

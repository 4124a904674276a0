"""Several files make one recording, joined by their names, in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import conserved, manifest, modality, rows_of, source_study, table
from tests.unit.sources.readers.tables import FORMATS, pack, reader, write_table

UNITS = {"acc": "m/s2", "gyro": "rad/s", "mag": "uT"}
LENGTHS = {"acc": 40, "gyro": 20, "mag": 8}


def joined_study(root: Path, section: dict[str, Any]) -> Study:
    """A source of three files per trial, each modality at its own rate."""
    mods = {name: modality("", unit) for name, unit in UNITS.items()}
    return source_study(
        root,
        join={name: f"**/*_{name}.*" for name in UNITS},
        reader=section,
        identity={"pattern": r"(?P<label>\w)/(?P<subject>p\d)_(?P<session>\d+)_"},
        labels={},
        modalities=mods,
    )


def signal(name: str) -> pl.DataFrame:
    """A second of a modality."""
    count = LENGTHS[name]
    axes = {axis: [float(i + number) for i in range(count)] for number, axis in enumerate("xyz")}
    return pl.DataFrame({"t": [i * 800 // count for i in range(count)], **axes})


def check(study: Study) -> None:
    """Two recordings of three files each, whole."""
    summary = ingest(study, "s")
    recordings = table(study, "recordings").sort("subject")
    assert recordings["subject"].to_list() == ["p1", "p2"]
    for name in UNITS:
        assert [Path(path).name.split(".")[0] for path in recordings[f"file_{name}"]] == [
            f"p1_3_{name}",
            f"p2_3_{name}",
        ]
        assert rows_of(study, name).group_by("recording").len()["len"].to_list() == [LENGTHS[name]] * 2
    assert table(study, "labels")["label"].to_list() == ["F", "F"]
    assert (summary.recordings, summary.quarantined) == (2, 0)
    shards = {(path.split("_")[0], entry["shard"]) for path, entry in manifest(study)["files"].items()}
    assert len(shards) == 2
    assert conserved(study)


@pytest.mark.parametrize("kind", [*FORMATS, "csv", "csv.gz", "jsonl", "jsonl.zst"])
def test_three_files_of_a_trial_make_one_recording(tmp_path: Path, kind: str) -> None:
    form, _, packing = kind.partition(".")
    study = joined_study(tmp_path, {"format": "delimited"} if form == "csv" else reader(form))
    (study.raw("s") / "F").mkdir()
    for subject in ("p1", "p2"):
        for name in UNITS:
            path = study.raw("s") / "F" / f"{subject}_3_{name}.{kind}"
            if form in ("csv", "jsonl"):
                text = signal(name).write_csv() if form == "csv" else signal(name).write_ndjson()
                path.write_bytes(pack(text.encode(), packing) if packing else text.encode())
            else:
                write_table(signal(name), path, kind)
    check(study)

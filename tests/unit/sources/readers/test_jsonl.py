"""JSON lines in the long layout, and texts that JSON can hold and UTF-8 cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmbind.errors import InputError
from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import aside, conserved, manifest, modality, rows_of, source_study, table

READER = {"format": "jsonl", "layout": "long", "sensor_column": "meta.sensor"}


def long_json(root: Path, **source: Any) -> Study:
    """A source of lines that each name a sensor."""
    mods = {"acc": modality("v.", "m/s2", sensor="ACC"), "gyro": modality("v.", "rad/s", sensor="4")}
    return source_study(root, files="*.jsonl", reader=READER, modalities=mods, **source)


def line(t: float, sensor: Any, **more: Any) -> dict[str, Any]:
    """A reading of a sensor."""
    return {"t": t, "meta": {"sensor": sensor}, "v": {"x": t, "y": 0.5, "z": -1}, "label": "walk", **more}


def write(study: Study, rows: list[Any]) -> None:
    """Writes values, or texts as they are."""
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (study.raw("s") / "p1_1.jsonl").write_text("\n".join(texts) + "\n")


def test_lines_go_to_the_modality_whose_sensor_they_name(tmp_path: Path) -> None:
    study = long_json(tmp_path)
    write(
        study,
        [
            line(0, "ACC"),
            line(1, 4),
            line(2, " ACC "),
            line(3, "light"),
            {"t": 4, "meta": {"sensor": "light"}, "lux": 3},
            line(5, None),
            {"t": 6, "v": {"x": 1, "y": 1, "z": 1}},
            {"t": 7, "meta": {"sensor": "ACC"}, "value": [1, 2, 3]},
            line(8, "4", v={"x": "1", "y": 0, "z": 0}),
            "{",
        ],
    )
    summary = ingest(study, "s")
    assert rows_of(study, "acc")["x"].to_list() == [0, 2]
    assert rows_of(study, "gyro")["x"].to_list() == [1]
    assert manifest(study)["files"]["p1_1.jsonl"]["passed"] == {"light": 2}
    both = ("acc", "gyro")
    assert [(number, name) for _, number, name, _ in aside(study)] == [
        *((number, name) for number in (6, 7) for name in both),
        (8, "acc"),
        (9, "gyro"),
        *((10, name) for name in both),
    ]
    assert "names no sensor (field 'meta.sensor')" in table(study, "quarantine")["reason"][0]
    assert summary.quarantined == 8
    assert conserved(study)


def test_a_sensor_that_no_line_names_is_refused(tmp_path: Path) -> None:
    study = long_json(tmp_path)
    write(study, [line(0, "ACCEL"), line(1, "4")])
    with pytest.raises(InputError, match=r"no row is of the sensor 'ACC'\. Did you mean 'ACCEL'\?"):
        ingest(study, "s")


def test_half_characters_are_set_aside_not_a_crash(tmp_path: Path) -> None:
    study = long_json(tmp_path)
    rows = [
        line(0, "ACC"),
        line(1, "4"),
        r'{"t": 2, "meta": {"sensor": "\ud800"}}',
        line(3, "ACC", label="\ud83d\ude00"),
    ]
    write(study, [*rows, json.dumps(line(4, "ACC")).replace("walk", r"\uDC00")])
    ingest(study, "s")
    assert [number for _, number, *_ in aside(study)] == [3, 3, 5, 5]
    assert "half a character" in table(study, "quarantine")["reason"][0]
    assert table(study, "labels")["label"].to_list()[-1] == "\U0001f600"

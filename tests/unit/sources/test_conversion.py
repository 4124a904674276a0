"""What a column means: unit, scale, offset and axes."""

import json

import numpy as np
import polars as pl
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mmbind.config import ModalitySource
from mmbind.errors import InputError
from mmbind.sources import ingest
from mmbind.sources.conversion import channels_of
from mmbind.units import UNITS
from tests.unit.sources.logs import conserved, lines, manifest, modality, rows_of, source_study, write_csv

CLOCK = {"kind": "sample_index", "rate_hz": 50}


@pytest.mark.parametrize(
    ("logged", "name", "value"),
    [
        (1, "g", 9.80665),
        (1000, "mg", 9.80665),
        (180, "deg/s", np.pi),
        (0.5, "gauss", 50),
        (20.5, "degC", 20.5),
        (68, "degF", 20),
        (293.15, "K", 20),
        (1013.25, "hPa", 101325),
        (40, "%", 40),
        (60, "bpm", 1),
        (3.6, "km/h", 1),
    ],
)
def test_units_become_si(logged: float, name: str, value: float) -> None:
    unit = UNITS[name]
    assert logged * unit.factor + unit.shift == pytest.approx(value)
    assert UNITS[unit.si].factor == 1
    assert UNITS[unit.si].si == unit.si


def spec(**values: object) -> ModalitySource:
    return ModalitySource.model_validate(
        {"columns": [0, 1, 2], "channels": ["x", "y", "z"], "unit": "1", "clock": CLOCK, **values}
    )


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(-32768, 32767), min_size=3, max_size=3),
    scale=st.sampled_from([0.00390625, 1.0, -2.0]),
    offset=st.lists(st.integers(-100, 100), min_size=3, max_size=3),
    axes=st.permutations([0, 1, 2]),
    signs=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_counts_become_values_on_the_stated_axes(
    counts: list[int], scale: float, offset: list[int], axes: list[int], signs: list[bool]
) -> None:
    named = [("-" if minus else "") + "xyz"[axis] for axis, minus in zip(axes, signs, strict=True)]
    meant = spec(unit="g", scale=scale, offset=offset, axes=named)
    readings = pl.DataFrame({f"v{n}": [float(count)] for n, count in enumerate(counts)})
    found = [channel.converted(readings[channel.logged]).item() for channel in channels_of(meant, ["x", "y", "z"])]
    expected = [
        (-1 if minus else 1) * (counts[axis] - offset[axis]) * scale * 9.80665
        for axis, minus in zip(axes, signs, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-4)


def test_axes_differ_by_device(tmp_path) -> None:
    turned = modality("a", "m/s2", axes={"watch": ["y", "-x", "z"], "hip": ["-z", "y", "x"]})
    study = source_study(
        tmp_path,
        files="*/*.csv",
        identity={"pattern": r"(?P<device>\w+)-(?P<placement>\w+)/(?P<session>\d+)\.csv$"},
        modalities={"acc": turned},
    )
    for folder in ("watch-wrist", "phone-hip", "phone-hand"):
        write_csv(study, f"{folder}/1.csv", lines(3))
    ingest(study, "s")
    recordings = pl.read_parquet(study.records("s") / "recordings.parquet").select("recording", "device", "placement")
    second = rows_of(study, "acc").filter(t_ns=20_000_000).join(recordings, on="recording")
    found = {(row["device"], row["placement"]): [row[a] for a in "xyz"] for row in second.iter_rows(named=True)}
    assert found == {("watch", "wrist"): [0.5, -1, 1], ("phone", "hip"): [-1, 0.5, 1], ("phone", "hand"): [1, 0.5, 1]}
    assert conserved(study)


def test_axes_of_a_device_that_no_recording_has_are_refused(tmp_path) -> None:
    study = source_study(tmp_path, modalities={"acc": modality("a", "m/s2", axes={"wirst": ["y", "-x", "z"]})})
    write_csv(study, "p_1.csv", lines(3))
    with pytest.raises(InputError, match="'wirst'") as refused:
        ingest(study, "s")
    assert "wrist" in str(refused.value)


def test_a_value_beyond_its_scale_is_told_as_logged(tmp_path) -> None:
    study = source_study(tmp_path, modalities={"acc": modality("a", "g", scale=[1e38, 1, 1], axes=["y", "x", "z"])})
    write_csv(study, "p_1.csv", ["0,0,0,0,0,0,0,", "20,70,0,0,0,0,0,"])
    ingest(study, "s")
    quarantine = pl.read_parquet(study.records("s") / "quarantine.parquet")
    assert quarantine["reason"].to_list() == ["channel y is 70.0 g, beyond 32 bits."]


def test_columns_say_what_was_logged(tmp_path) -> None:
    study = source_study(tmp_path, modalities={"acc": modality("a", "g", scale=0.5, axes=["y", "-x", "z"])})
    write_csv(study, "p_1.csv", lines(3))
    ingest(study, "s")
    schema = pyarrow.parquet.read_schema(next((study.records("s") / "acc").glob("*.parquet")))
    assert schema.field("t_ns").metadata == {b"unit": b"ns"}
    assert schema.field("x").metadata[b"unit"] == b"m/s2"
    logged = {"unit": "g", "scale": 0.5, "offset": 0.0, "axes": ["y", "-x", "z"]}
    assert json.loads(schema.field("x").metadata[b"logged"]) == logged
    assert manifest(study)["modalities"]["acc"]["logged"] == logged


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scale": [1, 2]}, "scale has 2 numbers, not one per column"),
        ({"scale": 0}, "scale: 0 would make"),
        ({"offset": float("nan")}, "must be finite"),
        ({"axes": ["x", "y", "w"]}, "must name each of the channels"),
        ({"axes": {"watch": ["x", "x", "z"]}}, "axes.watch"),
    ],
)
def test_nonsense_is_refused(values: dict[str, object], message: str, tmp_path) -> None:
    with pytest.raises(ValidationError, match=message):
        source_study(tmp_path, modalities={"acc": modality("a", "g", **values)})

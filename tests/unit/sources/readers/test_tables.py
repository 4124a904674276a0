"""Every format of tables gives the same records of the same table, wide or long."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.errors import InputError
from mmbind.sources import ingest
from tests.unit.sources.logs import aside, conserved, manifest, modality, rows_of, source_study, table, write_csv
from tests.unit.sources.readers.tables import FORMATS, TABLES, long, long_study, reader, wide, wide_study, write_table


def expected(root: Path, count: int) -> dict[str, pl.DataFrame]:
    """What the table of so many times gives as CSV."""
    study = source_study(root)
    rows = [",".join(map(str, row)) for row in wide(count).rows()]
    write_csv(study, "p1_1.csv", rows)
    ingest(study, "s")
    return {name: rows_of(study, name) for name in ("acc", "gyro")}


@pytest.mark.parametrize("kind", TABLES)
def test_wide_and_long_tables_give_the_same_records(tmp_path: Path, kind: str) -> None:
    wanted = expected(tmp_path / "csv", 40)
    for layout, study, frame in (
        ("wide", wide_study(tmp_path / "wide", kind), wide(40)),
        ("long", long_study(tmp_path / "long", kind), long(40)),
    ):
        write_table(frame, study.raw("s") / "p1_1.log", kind)
        summary = ingest(study, "s")
        for name, rows in wanted.items():
            assert rows_of(study, name).drop("recording").equals(rows.drop("recording")), layout
        assert table(study, "labels")["label"].to_list() == ["walk"]
        assert summary.quarantined == 0
        assert conserved(study)


@pytest.mark.parametrize("kind", TABLES)
def test_rows_of_other_sensors_are_counted_not_quarantined(tmp_path: Path, kind: str) -> None:
    study = long_study(tmp_path, kind)
    frame = long(10, ("ACC", "LUX", "GYR", "LUX", "CO2"))
    write_table(frame, study.raw("s") / "p1_1.log", kind)
    write_table(frame.head(5), study.raw("s") / "p2_1.log", kind)
    summary = ingest(study, "s")
    assert manifest(study)["files"]["p1_1.log"]["passed"] == {"CO2": 10, "LUX": 20}
    assert summary.passed == {"CO2": 11, "LUX": 22}
    assert "sensors that no modality names: CO2 11, LUX 22" in "\n".join(summary.lines())
    assert (summary.kept, summary.quarantined) == (22, 0)
    again = ingest(study, "s")
    assert (again.read, again.passed) == (0, summary.passed)


@pytest.mark.parametrize("kind", TABLES)
def test_a_row_without_a_sensor_is_set_aside_for_every_modality(tmp_path: Path, kind: str) -> None:
    study = long_study(tmp_path, kind)
    frame = long(4).with_columns(sensor=pl.Series(["ACC", "GYR", None, " ", *["ACC", "GYR", "LUX", "ACC"] * 2]))
    write_table(frame, study.raw("s") / "p1_1.log", kind)
    ingest(study, "s")
    lost = [(line, name) for _, line, name, rule in aside(study) if rule == "broken_line"]
    header = kind == "delimited"
    assert lost == [(line + header, name) for line in (3, 4) for name in ("acc", "gyro")]
    assert "names no sensor (column 'sensor')" in table(study, "quarantine")["reason"][0]
    assert conserved(study)


@pytest.mark.parametrize("kind", TABLES)
def test_a_sensor_that_no_row_names_is_refused_with_the_nearest(tmp_path: Path, kind: str) -> None:
    study = long_study(tmp_path, kind)
    write_table(long(4, ("ACC", "GYRO")), study.raw("s") / "p1_1.log", kind)
    with pytest.raises(InputError, match=r"no row is of the sensor 'GYR'\. Did you mean 'GYRO'\?"):
        ingest(study, "s")


@pytest.mark.parametrize("kind", TABLES)
def test_a_missing_column_is_refused_with_the_nearest(tmp_path: Path, kind: str) -> None:
    study = wide_study(tmp_path, kind)
    write_table(wide(4).rename({"gz": "g_z"}), study.raw("s") / "p1_1.log", kind)
    with pytest.raises(InputError, match=r"'gz' is missing\. Did you mean 'g_z'\?"):
        ingest(study, "s")


@pytest.mark.parametrize("kind", ["parquet", "arrow", "sqlite", "hdf5"])
def test_texts_are_parsed_and_words_set_aside_with_their_row(tmp_path: Path, kind: str) -> None:
    study = wide_study(tmp_path, kind)
    frame = wide(5).with_columns(ax=pl.Series(["1.5", " 2 ", "two", "", "nan"]))
    write_table(frame, study.raw("s") / "p1_1.log", kind)
    ingest(study, "s")
    assert (rows_of(study, "acc")["x"] / 9.80665).round(6).to_list() == [1.5, 2.0]
    assert aside(study) == [
        ("p1_1.log", 3, "acc", "broken_line"),
        ("p1_1.log", 4, "acc", "not_finite"),
        ("p1_1.log", 5, "acc", "not_finite"),
    ]
    kept = table(study, "quarantine")
    assert kept["reason"][0] == "column 'ax': 'two' is not a number."
    assert json.loads(kept["raw"][0])["ax"] == "two"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_another_kind_is_set_aside_whole(tmp_path: Path, kind: str) -> None:
    study = wide_study(tmp_path, kind)
    write_table(wide(3), study.raw("s") / "p1_1.log", kind)
    (study.raw("s") / "p2_1.log").write_bytes(b"t,ax\n1,2\n" * 200)
    (study.raw("s") / "p3_1.log").write_bytes((study.raw("s") / "p1_1.log").read_bytes()[:90])
    ingest(study, "s")
    assert aside(study) == [(f"p{n}_1.log", None, None, "unreadable") for n in (2, 3)]


@given(
    sensors=st.lists(st.sampled_from(["ACC", "GYR", "LUX", "", None]), min_size=1, max_size=30),
    block=st.integers(1, 7),
)
@settings(deadline=None, max_examples=10)
def test_blocks_do_not_matter_and_every_long_row_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, sensors: list[str | None], block: int
) -> None:
    columns = {"t": [10 * i for i in range(len(sensors))], "sensor": sensors}
    frame = pl.DataFrame(columns, schema_overrides={"sensor": pl.String}).with_columns(
        **{f"v{axis}": pl.col("t").cast(pl.Float64) for axis in "xyz"}
    )
    frame = pl.concat([frame, long(1).select(frame.columns).with_columns(pl.lit(9999, dtype=pl.Int64).alias("t"))])
    seen = []
    for rows in (block, 1 << 20):
        study = long_study(tmp_path_factory.mktemp("study"), "parquet", labels={})
        write_table(frame, study.raw("s") / "p1_1.log", "parquet")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mmbind.sources.readers.parquet.ROWS", rows)
            ingest(study, "s")
        assert conserved(study)
        entry = manifest(study)["files"]["p1_1.log"]
        named = [s for s in sensors if s] + ["ACC", "GYR", "LUX"]
        untold = len([s for s in sensors if not s])
        for name, sensor in (("acc", "ACC"), ("gyro", "GYR")):
            assert entry["modalities"][name]["read"] == named.count(sensor) + untold
        assert entry["passed"] == {"LUX": named.count("LUX")}
        seen.append((rows_of(study, "acc"), table(study, "quarantine")))
    assert seen[0][0].equals(seen[1][0])
    assert seen[0][1].equals(seen[1][1])


def test_sample_clocks_count_a_sensors_own_rows(tmp_path: Path) -> None:
    clock = {"kind": "sample_index", "rate_hz": 100}
    mods = {
        "acc": modality("v", "g", clock, sensor="ACC"),
        "gyro": modality("v", "deg/s", {**clock, "rate_hz": 50}, sensor="GYR"),
    }
    study = source_study(
        tmp_path,
        files="*.log",
        reader=reader("sqlite", layout="long", sensor_column="sensor"),
        modalities=mods,
    )
    write_table(long(5, ("ACC", "GYR", "ACC")), study.raw("s") / "p1_1.log", "sqlite")
    ingest(study, "s")
    assert rows_of(study, "acc")["t_ns"].to_list() == [10_000_000 * i for i in range(10)]
    assert rows_of(study, "gyro")["t_ns"].to_list() == [20_000_000 * i for i in range(5)]

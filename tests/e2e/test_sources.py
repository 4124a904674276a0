"""A few people of every real data set through ingest, validate and window, by the studies' own blocks."""

import re
import tarfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from mmbind.binding import bind
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.files import read_json
from mmbind.roles import assign_roles
from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.validation import validate
from mmbind.windows import cut_windows
from tests.e2e.support import merged
from tests.support import ROOT, raw_archives

pytestmark = [pytest.mark.slow, pytest.mark.real]

#: Paths in each archive (without their first folder) that are taken.
PEOPLE = {
    "sisfall": r"SA0[12]/",
    "mobifall": r"sub[23]/",
    "weda_fall": r"dataset/(50Hz/\w+/U(01|05|09|12)_|fall_timestamps)",
    "geotec": r"DATA/s(01|10|17|20)/",
}
ROLES: dict[str, dict[str, Any]] = {
    "falls": {"target": {"subjects": ["U01"], "labels": {"count": 16}}, "test": {"subjects": ["U05"]}},
    "one_wrist": {
        "A": {"subjects": ["U01"]},
        "B": {"subjects": ["U05"]},
        "target": {"subjects": ["U09"], "labels": {"count": 16}},
        "test": {"subjects": ["U12"]},
    },
    "geotec": {
        "A": {"subjects": ["s01"]},
        "B": {"subjects": ["s10"]},
        "target": {"subjects": ["s17"], "labels": {"count": 10}},
        "test": {"subjects": ["s20"]},
    },
}
EIGHT = ["fall_backward", "fall_forward", "fall_sideways", "jog", "jump", "sit", "stairs", "walk"]
FIVE = ["seated", "sit_down", "stand_up", "turn", "walk"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chosen people's files by archive."""
    archives, raw = raw_archives(), tmp_path_factory.mktemp("raw")
    for name, wanted in PEOPLE.items():
        with tarfile.open(archives / f"{name}.tar.xz", "r|xz") as packed:
            for member in packed:
                path = member.name.removeprefix("./").partition("/")[2]
                if member.isfile() and re.match(wanted, path) and (stream := packed.extractfile(member)):
                    target = raw / name / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(stream.read())
    return raw


def study_of(name: str, root: Path, raw: Path) -> Study:
    """A study of the repository over the chosen people, quickly trained."""
    values = yaml.safe_load((ROOT / "studies" / name / "params.yaml").read_text())
    quick = {"house": str(ROOT), "roles": ROLES[name], "rotations": None, "shared": {"schedule": {"epochs": 3}}}
    values = merged(values, quick)
    for grid in ("rotations", "protocol"):
        values.pop(grid, None)
    root.mkdir()
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    study = Study.load(root)
    for source, archive in study.params.archives.items():
        study.raw(source).parent.mkdir(parents=True, exist_ok=True)
        study.raw(source).symlink_to(raw / archive.file.removesuffix(".tar.xz"), target_is_directory=True)
    return study


@pytest.fixture(scope="module", params=sorted(ROLES))
def study(request: pytest.FixtureRequest, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = study_of(request.param, tmp_path_factory.mktemp("studies") / request.param, raw)
    for source in study.params.sources:
        ingest(study, source)
    return study


def lines_of(path: Path, header: bool) -> int:
    """Lines of a text log that hold data."""
    lines = [line for line in path.read_text(encoding="latin-1").splitlines() if line.strip() and line[0] not in "#@"]
    return len(lines) - header


def values_of(study: Study, source: str, modality: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((study.records(source) / modality).glob("*.parquet"))])


def test_every_line_of_every_file_is_kept_or_set_aside_with_a_reason(study: Study) -> None:
    for source, config in study.params.sources.items():
        manifest = read_json(study.records(source) / "manifest.json")
        header = getattr(config.reader, "header", False)
        for file, entry in manifest["files"].items():
            lines = lines_of(study.raw(source) / file, header)
            assert entry["modalities"], file
            for counts in entry["modalities"].values():
                assert counts["read"] == lines == counts["kept"] + counts["quarantined"], file
        assert validate(study, source).conservation.holds
        quarantine = pl.read_parquet(study.records(source) / "quarantine.parquet")
        modalities = [counts for entry in manifest["files"].values() for counts in entry["modalities"].values()]
        assert quarantine["modality"].count() == sum(counts["quarantined"] for counts in modalities)
        assert (quarantine["reason"].str.len_chars() > 10).all()


def test_records_are_what_physics_says(study: Study) -> None:
    """Gravity where a device rests, directions of length one, people's rates of turn."""
    for source, config in study.params.sources.items():
        length = values_of(study, source, "acc").select((pl.col("x") ** 2 + pl.col("y") ** 2 + pl.col("z") ** 2).sqrt())
        assert 9.3 < length.to_series().median() < 10.4
        turning = values_of(study, source, "gyro").select(pl.max_horizontal(pl.col("x", "y", "z").abs()))
        assert 0.01 < turning.to_series().median() < 3
        if "orientation" in config.derived:
            up = values_of(study, source, "orientation")
            norm = up.select((pl.col("x") ** 2 + pl.col("y") ** 2 + pl.col("z") ** 2).sqrt()).to_series()
            assert norm.min() == pytest.approx(1, abs=1e-5)
            assert norm.max() == pytest.approx(1, abs=1e-5)


def test_orientation_agrees_with_the_accelerometer(study: Study) -> None:
    """Where a device is at rest, the up of its orientation is the direction of its acceleration."""
    for source in (name for name, config in study.params.sources.items() if "orientation" in config.derived):
        acc, up = values_of(study, source, "acc"), values_of(study, source, "orientation")
        both = acc.sort("t_ns").join_asof(up.sort("t_ns"), on="t_ns", by="recording", strategy="nearest", suffix="_up")
        length = (pl.col("x") ** 2 + pl.col("y") ** 2 + pl.col("z") ** 2).sqrt()
        along = sum((pl.col(a) * pl.col(f"{a}_up") for a in "xyz"), pl.lit(0.0)) / length
        quiet = both.filter((length - 9.81).abs() < 0.3).select(along.alias("cosine")).drop_nulls().to_series()
        assert len(quiet) > 1000
        assert quiet.median() > 0.97


def test_windows_have_the_labels_of_the_study(study: Study) -> None:
    for source, config in study.params.sources.items():
        cut_windows(study, source)
        index = pl.read_parquet(study.windows(source) / "index.parquet")
        assert sorted(index["label"].drop_nulls().unique()) == (FIVE if config.labels.column else EIGHT)
        assert (index["row_acc"].is_not_null().mean() or 0) > 0.9
    assign_roles(study)
    shown = {role: sorted(read_json(study.role(role) / "manifest.json")["modalities"]) for role in ("A", "B", "target")}
    assert shown == {"A": ["acc", "gyro"], "B": ["acc", "orientation"], "target": ["acc", "gyro", "orientation"]}


def test_labels_follow_their_sources(study: Study) -> None:
    """A column that changes, a table beside the logs, or the path."""
    for source, config in study.params.sources.items():
        labels = pl.read_parquet(study.records(source) / "labels.parquet")
        recordings = pl.read_parquet(study.records(source) / "recordings.parquet")
        labelled, lasting = pl.col("stop_ns") - pl.col("start_ns"), pl.col("stop_ns_of") - pl.col("start_ns_of")
        per = (
            labels.join(recordings, on="recording", suffix="_of")
            .group_by("recording")
            .agg(pl.len(), first=pl.col("label").first(), share=(labelled / lasting).sum())
        )
        if config.labels.column is not None:
            assert per["len"].min() >= 5
        elif config.labels.table is not None:
            falls = pl.col("first").str.starts_with("fall")
            assert per.filter(falls)["share"].max() < 0.8
            assert per.filter(~falls)["share"].min() == 1
            table = read_json(study.records(source) / "manifest.json")["label_tables"]["dataset/fall_timestamps.csv"]
            assert table["rows"] == 350
            assert table["used"] == recordings.filter(pl.col("file").str.contains("/F0")).height
        else:
            assert per["len"].max() == 1


def test_pairs_of_falls_are_better_than_chance(raw: Path, tmp_path: Path) -> None:
    study = study_of("falls", tmp_path / "falls", raw)
    for source in study.params.sources:
        ingest(study, source)
        cut_windows(study, source)
    assign_roles(study)
    fit_shared_encoder(study)
    embed(study)
    bind(study)
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    stores = [study.truth(role) / "index.parquet" for role in "AB"]
    truth = pl.concat([pl.read_parquet(store, columns=["window", "label"]) for store in stores])
    label = dict(truth.iter_rows())
    assert set(pairs["borrowed_modality"]) == {"gyro", "orientation"}
    right = [label[a] == label[b] for a, b in pairs.select("anchor", "partner").iter_rows()]
    chance = sum((truth["label"] == name).mean() ** 2 for name in EIGHT)
    assert sum(right) / len(right) > chance + 0.1

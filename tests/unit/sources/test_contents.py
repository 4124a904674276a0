"""Which files are hashed, and which are read: as few as possible, and never too few."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from mmbind.errors import DataError
from mmbind.sources import contents, ingest
from mmbind.study import Study
from tests.unit.sources.logs import content, lines, modality, rows_of, source_study, write_csv


@pytest.fixture
def fine_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stamps count as old after a hundredth of a second."""
    monkeypatch.setattr(contents, "TICK_NS", 10_000_000)


def filled(root: Path, files: int = 12) -> Study:
    study = source_study(root, shards=4)
    for subject in range(files):
        write_csv(study, f"p{subject}_1.csv", lines(20))
    time.sleep(0.05)
    return study


def cost(study: Study) -> tuple[int, int]:
    """Files read and files hashed."""
    summary = ingest(study, "s")
    return summary.read, summary.hashed


def test_a_new_file_costs_itself_alone(tmp_path: Path, fine_clock: None) -> None:
    study = filled(tmp_path)
    assert cost(study) == (12, 12)
    assert cost(study) == (0, 0)
    write_csv(study, "p99_1.csv", lines(5))
    time.sleep(0.05)
    assert cost(study) == (1, 1)
    assert cost(study) == (0, 0)


def test_a_touched_file_is_hashed_and_not_read(tmp_path: Path, fine_clock: None) -> None:
    study = filled(tmp_path)
    ingest(study, "s")
    before = content(study)
    (study.raw("s") / "p3_1.csv").touch()
    time.sleep(0.05)
    assert cost(study) == (0, 1)
    assert (cost(study), content(study)) == ((0, 0), before)


def test_a_changed_file_of_the_same_length_and_date_is_read(tmp_path: Path, fine_clock: None) -> None:
    study = filled(tmp_path)
    ingest(study, "s")
    path = study.raw("s") / "p3_1.csv"
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b",0.5,", b",0.7,"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cost(study) == (1, 1)
    assert rows_of(study, "acc")["y"].n_unique() == 2


def test_what_was_written_just_now_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "TICK_NS", 3600 * 10**9)
    study = filled(tmp_path)
    assert cost(study) == (12, 12)
    assert cost(study) == (0, 12)


def test_stamps_that_are_lost_or_spoilt_cost_digests_and_no_more(tmp_path: Path, fine_clock: None) -> None:
    study = filled(tmp_path)
    ingest(study, "s")
    before = content(study)
    stamps = study.work("ingest") / "s" / "stamps.json"
    for text in ("{", "[]", '{"p3_1.csv": 3}'):
        stamps.write_text(text)
        assert cost(study) == (0, 12)
    assert content(study) == before


def test_another_unit_reads_its_source_again_and_hashes_nothing(tmp_path: Path, fine_clock: None) -> None:
    study = filled(tmp_path)
    ingest(study, "s")
    other = source_study(tmp_path, shards=4, modalities={"acc": modality("a", "m/s2"), "gyro": modality("g", "deg/s")})
    assert cost(other) == (12, 0)


def test_a_file_that_is_being_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = filled(tmp_path, files=1)
    original = contents.sha256_file

    def growing(path: Path) -> str:
        digest = original(path)
        with path.open("a") as stream:
            stream.write("1,")
        return digest

    monkeypatch.setattr(contents, "sha256_file", growing)
    with pytest.raises(DataError, match="is being written"):
        ingest(study, "s")
    assert not study.records("s").exists()


def test_many_processes_give_the_bytes_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = filled(tmp_path / "one"), filled(tmp_path / "two")
    ingest(one, "s")
    monkeypatch.setattr(sys.modules["mmbind.sources.ingest_job"], "ALONE", 0)
    ingest(two, "s")
    assert content(one) == content(two)

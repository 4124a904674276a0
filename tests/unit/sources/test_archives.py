"""Fetching: digests are checked, members stay inside, nothing half-done is left."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.errors import DataError, InputError
from mmbind.files import sha256_file
from mmbind.sources.archives import RECEIPT, fetch_archives
from mmbind.study import Study
from tests.support import ROOT, raw_archives, write_study


def member(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def pack(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def study_for(root: Path, archive: Path, **fields: Any) -> Study:
    entry = {"file": archive.name, "sha256": sha256_file(archive), "strip": 1, **fields}
    return write_study(root, archives={"s": entry})


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    members = [
        (member("set", kind=tarfile.DIRTYPE), b""),
        (member("set/p1_1.csv"), b"one"),
        (member("set/deep/p2_1.csv"), b"two"),
    ]
    return pack(tmp_path / "good.tar.xz", members)


def test_unpacks_below_the_source_and_says_when_there_is_nothing_to_do(tmp_path: Path, good: Path) -> None:
    study = study_for(tmp_path / "study", good)
    first = fetch_archives(study, tmp_path)
    assert tree(study.raw("s")).keys() == {"p1_1.csv", "deep/p2_1.csv", RECEIPT}
    assert first.lines() == ["s: unpacked good.tar.xz (2 files, 0.0 MB)"]
    good.unlink()
    again = fetch_archives(study, tmp_path)
    assert not again.archives[0].unpacked
    assert "already fetched" in again.lines()[0]


def test_a_changed_file_is_fetched_anew(tmp_path: Path, good: Path) -> None:
    study = study_for(tmp_path / "study", good)
    fetch_archives(study, tmp_path)
    (study.raw("s") / "p1_1.csv").write_bytes(b"0ne")
    (study.raw("s") / "stray.csv").write_bytes(b"stray")
    assert fetch_archives(study, tmp_path).archives[0].unpacked
    assert tree(study.raw("s"))["p1_1.csv"] == b"one"
    assert "stray.csv" not in tree(study.raw("s"))


def test_missing_archive_says_where_to_get_it(tmp_path: Path, good: Path) -> None:
    study = study_for(tmp_path / "study", good, origin="https://example.org/set")
    with pytest.raises(InputError, match=r"'good.tar.xz'.*https://example.org/set.*--from"):
        fetch_archives(study, tmp_path / "elsewhere")


def test_wrong_digest_names_both(tmp_path: Path, good: Path) -> None:
    study = study_for(tmp_path / "study", good, sha256="0" * 64)
    with pytest.raises(DataError, match=f"{sha256_file(good)}.*{'0' * 64}"):
        fetch_archives(study, tmp_path)
    assert not study.raw("s").exists()


def test_damaged_archive_keeps_the_old_folder(tmp_path: Path, good: Path) -> None:
    study = study_for(tmp_path / "study", good)
    fetch_archives(study, tmp_path)
    before = tree(study.raw("s"))
    broken = tmp_path / "broken.tar.xz"
    broken.write_bytes(good.read_bytes()[:60])
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch_archives(study_for(tmp_path / "study", broken), tmp_path)
    assert tree(study.raw("s")) == before


@pytest.mark.parametrize(
    ("evil", "reason"),
    [
        (member("/etc/evil"), "not relative"),
        (member("set/../../evil"), "leaves the folder"),
        (member("set/..\\evil"), "not relative"),
        (member("set/link", kind=tarfile.SYMTYPE, link="/etc/passwd"), "link to '/etc/passwd'"),
        (member("set/hard", kind=tarfile.LNKTYPE, link="set/p1_1.csv"), "link"),
        (member("set/pipe", kind=tarfile.FIFOTYPE), "neither a plain file"),
        (member("set/device", kind=tarfile.CHRTYPE), "neither a plain file"),
        (member("other/p1_1.csv"), "twice"),
        (member("lone.csv"), "nothing is left"),
    ],
)
def test_refuses_members_that_do_not_belong(tmp_path: Path, evil: tarfile.TarInfo, reason: str) -> None:
    archive = pack(tmp_path / "evil.tar.gz", [(member("set/p1_1.csv"), b"one"), (evil, b"")], mode="w:gz")
    study = study_for(tmp_path / "study", archive)
    with pytest.raises(DataError, match=reason):
        fetch_archives(study, tmp_path)
    assert [path.name for path in study.raw("s").parent.iterdir()] == []
    assert not (tmp_path / "evil").exists()


@settings(deadline=None, max_examples=25)
@given(parts=st.lists(st.sampled_from(["..", ".", "a", "b c", "..."]), min_size=1, max_size=5), root=st.booleans())
def test_no_path_escapes(parts: list[str], root: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("escape")
    archive = pack(folder / "any.tar", [(member("/" * root + "/".join(parts)), b"x")], mode="w")
    study = study_for(folder / "study", archive, strip=0)
    before = {p for p in folder.rglob("*") if p.is_file()}
    try:
        fetch_archives(study, folder)
    except DataError:
        return
    new = {p for p in folder.rglob("*") if p.is_file()} - before
    assert all(p.is_relative_to(study.raw("s")) for p in new)


def test_nothing_named_nothing_done(tmp_path: Path) -> None:
    assert fetch_archives(write_study(tmp_path), tmp_path).lines() == [
        "params.yaml names no archives; nothing to fetch"
    ]


@pytest.mark.real
def test_utd_mhad(tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "studies" / "utd_mhad" / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    study = Study.load(tmp_path)
    fetched = fetch_archives(study, raw_archives()).archives[0]
    assert fetched.unpacked
    assert len(list((study.raw("utd_mhad") / "Inertial").glob("*.mat"))) == 861
    assert len(list((study.raw("utd_mhad") / "Skeleton").glob("*.mat"))) == 861
    assert (study.raw("utd_mhad") / "Inertial" / "a10_s1_t1_inertial.mat").is_file()
    assert not fetch_archives(study, raw_archives()).archives[0].unpacked

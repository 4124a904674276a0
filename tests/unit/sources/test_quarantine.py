"""The quarantine as a tool: counted, shown byte for byte, released; rows stay conserved."""

import base64
import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbind.cli import main
from mmbind.errors import DataError, InputError
from mmbind.files import digest_folder, read_json
from mmbind.sources import ingest
from mmbind.sources.quarantine import Quarantine, release, shown
from mmbind.sources.releases import Release, Releases
from mmbind.study import Study
from tests.support import ROOT
from tests.unit.sources.logs import HEADER, lines, rows_of, source_study, write_csv

LEAP = "999000,7,0.5,1,10,-10,0,walk"


def _spoilt(root: Path) -> Study:
    """A log with a leap (line 12), a repeated time (line 22), a broken line (line 32) and one that is no text (42)."""
    study = source_study(root)
    rows = lines(100)
    rows.insert(10, LEAP)
    rows.insert(20, rows[19].replace(",0.5,", ",0.6,"))
    rows.insert(30, "580,oops")
    write_csv(study, "p1_1.csv", rows)
    path = study.raw("s") / "p1_1.csv"
    parts = path.read_bytes().split(b"\n")
    parts.insert(41, b"\xff\x00,1\r")
    path.write_bytes(b"\n".join(parts))
    write_csv(study, "p2_1.csv", lines(50))
    ingest(study, "s")
    return study


def _conserved(study: Study) -> dict[str, int]:
    counts = read_json(study.records("s") / "manifest.json")["counts"]
    kept = sum(rows_of(study, name).height for name in ("acc", "gyro"))
    aside = pl.read_parquet(study.records("s") / "quarantine.parquet").height
    assert counts["read"] == counts["kept"] + counts["quarantined"]
    assert (counts["kept"], counts["quarantined"]) == (kept, aside)
    return counts


def _release(study: Study, **rows: object) -> None:
    text, why = rows.pop("text", None), rows.pop("why", "")
    kept = Quarantine.of(study, "s")
    release(study, "s", kept.releases(kept.find(**rows), text=text, why=why))


def test_rules_are_counted(tmp_path: Path) -> None:
    found = Quarantine.of(_spoilt(tmp_path), "s").counts()
    table = {(rule, modality): rows for rule, modality, rows in found.select("rule", "modality", "rows").iter_rows()}
    rules = {"broken_line": 2, "duplicate_time": 1, "leap_time": 1}
    assert table == {(rule, name): count for rule, count in rules.items() for name in ("acc", "gyro")}
    leap = found.row(by_predicate=(pl.col("rule") == "leap_time") & (pl.col("modality") == "acc"), named=True)
    assert leap["example"] == "p1_1.csv:12"
    assert leap["share"] == pytest.approx(1 / 154)


def test_rows_show_the_line_byte_for_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = _spoilt(tmp_path)
    show = ["quarantine", "show", "--study", str(tmp_path), "--source", "s"]
    with pytest.raises(SystemExit):
        main([*show, "--line", "42", "--modality", "acc", "--json"])
    row = json.loads(capsys.readouterr().out)
    assert base64.b64decode(row["raw_base64"]) == b"\xff\x00,1\r"
    assert row["raw"] == "\\xff\\x00,1\\r"
    with pytest.raises(SystemExit):
        main([*show, "--rule", "broken_line", "--limit", "1"])
    out = capsys.readouterr().out
    assert "580,oops" in out
    assert "3 more rows" in out
    with pytest.raises(InputError, match="Did you mean 'broken_line'"):
        Quarantine.of(study, "s").find(rule="broken_lin")


def test_a_leap_is_put_where_its_time_puts_it(tmp_path: Path) -> None:
    study = _spoilt(tmp_path)
    before = _conserved(study)
    _release(study, rule="leap_time", why="the logger slept")
    assert {r.line for r in Releases.of(study.root).by_source["s"]} == {12}
    summary = ingest(study, "s")
    after = _conserved(study)
    assert (summary.read, summary.released) == (1, 2)
    assert after["kept"] == before["kept"] + 2
    assert after["released"] == 2
    times = rows_of(study, "acc").filter(pl.col("t_ns") == 999_000_000_000)
    assert times.height == 1
    assert read_json(study.records("s") / "manifest.json")["files"]["p1_1.csv"]["released"] == {"acc": 1, "gyro": 1}


def test_a_corrected_line_is_read_and_the_file_stays_what_it_is(tmp_path: Path) -> None:
    study = _spoilt(tmp_path)
    files = digest_folder(study.raw("s"))
    lost = Quarantine.of(study, "s").find(rule="broken_line", line=32, modality="acc")
    assert lost["raw"].to_list() == [b"580,oops"]
    _release(study, file="p1_1.csv", line=32, text="585,3,0.5,1,10,-10,0,walk")
    _release(study, file="p1_1.csv", line=42, text="still,broken")
    summary = ingest(study, "s")
    counts = _conserved(study)
    assert (summary.corrected, counts["corrected"]) == (2, 2)
    assert rows_of(study, "acc").filter(pl.col("t_ns") == 585_000_000).height == 1
    again = Quarantine.of(study, "s").find(line=42, modality="acc")
    assert again["raw"].to_list() == [b"\xff\x00,1\r"]
    assert digest_folder(study.raw("s")) == files


def test_same_releases_give_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        study = _spoilt(tmp_path / name)
        _release(study, rule="leap_time")
        _release(study, file="p1_1.csv", line=32, text="585,3,0.5,1,10,-10,0,walk")
        if name == "b":
            (study.records("s") / "manifest.json").unlink()
        ingest(study, "s")
        digests.append((digest_folder(study.records("s")), (study.root / "releases.json").read_bytes()))
    assert digests[0] == digests[1]


def test_a_release_of_a_changed_file_holds_no_longer_and_is_told(tmp_path: Path) -> None:
    study = _spoilt(tmp_path)
    _release(study, rule="leap_time")
    path = study.raw("s") / "p1_1.csv"
    path.write_bytes(path.read_bytes() + b"9990,1,1,1,1,1,1,walk\n")
    with pytest.raises(DataError, match="not the file that was ingested"):
        _release(study, rule="leap_time")
    summary = ingest(study, "s")
    assert summary.outdated == ["p1_1.csv:12"]
    assert any("hold no longer" in line and "p1_1.csv:12" in line for line in summary.lines())
    assert "released" not in _conserved(study)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ({"rule": "duplicate_time"}, "two readings cannot have one time"),
        ({"rule": "broken_line"}, "cannot be taken apart"),
        ({"rule": "leap_time", "text": "1\n2"}, "one line"),
        ({"rule": "broken_line", "text": "1,2"}, "--as corrects one line"),
    ],
)
def test_what_cannot_be_released_is_refused_with_the_reason(
    tmp_path: Path, rows: dict[str, object], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        _release(_spoilt(tmp_path), **rows)
    assert not (tmp_path / "releases.json").exists()


def test_taking_a_release_back_gives_the_old_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = _spoilt(tmp_path)
    before = digest_folder(study.records("s"))
    command = ["quarantine", "release", "--study", str(tmp_path), "--source", "s", "--rule", "leap_time"]
    for more in ([], ["--undo"]):
        with pytest.raises(SystemExit) as caught:
            main([*command, *more])
        assert caught.value.code == 0
        ingest(study, "s")
        assert (digest_folder(study.records("s")) == before) == bool(more)
    assert "Next: mmbind ingest s" in capsys.readouterr().out
    assert json.loads((tmp_path / "releases.json").read_text()) == {}


def test_a_released_time_of_another_reading_stays_aside(tmp_path: Path) -> None:
    study = source_study(tmp_path)
    rows = lines(40)
    rows.insert(20, "100,1,1,1,1,1,1,walk")
    write_csv(study, "p1_1.csv", rows)
    ingest(study, "s")
    _release(study, rule="backward_time")
    ingest(study, "s")
    _conserved(study)
    found = Quarantine.of(study, "s").find(rule="duplicate_time", modality="acc")
    assert "it is released, but its time 100000000 ns is that of another reading" in found["reason"][0]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.lists(st.integers(0, 60), min_size=5, max_size=60),
    chosen=st.sets(st.integers(2, 61), max_size=10),
)
def test_whatever_is_released_rows_stay_conserved_and_in_order(
    tmp_path: Path, order: list[int], chosen: set[int]
) -> None:
    study = source_study(tmp_path)
    write_csv(study, "p1_1.csv", [lines(1, start=number)[0] for number in order])
    (study.root / "releases.json").unlink(missing_ok=True)
    ingest(study, "s")
    before, kept = _conserved(study), Quarantine.of(study, "s")
    placed = kept.rows.filter(pl.col("rule").is_in(["leap_time", "backward_time"]) & pl.col("line").is_in(chosen))
    if placed.height:
        release(study, "s", kept.releases(placed))
    ingest(study, "s")
    after = _conserved(study)
    assert after["kept"] == before["kept"] + after.get("released", 0)
    for _, rows in rows_of(study, "acc").group_by("recording"):
        assert (rows["t_ns"].diff().drop_nulls() > 0).all()


def test_a_damaged_file_of_releases_is_refused(tmp_path: Path) -> None:
    for text in ("[]", '{"s": [{"file": "a"}]}', "no json", '{"s": [{"file":"a","line":1,"rule":"x","sha256":"y"}]}'):
        (tmp_path / "releases.json").write_text(text)
        with pytest.raises(DataError, match="does not hold releases"):
            Releases.of(tmp_path)


def test_releases_are_written_sorted(tmp_path: Path) -> None:
    one, two = (Release(file, 3, "leap_time", "0" * 64, ("acc",)) for file in "ba")
    Releases.of(tmp_path).add("s", [one, two]).save()
    assert [entry["file"] for entry in json.loads((tmp_path / "releases.json").read_text())["s"]] == ["a", "b"]
    assert Releases.of(tmp_path).by_source["s"] == [two, one]


def test_every_study_has_its_file_of_releases() -> None:
    for params in [ROOT / "params.yaml", *ROOT.glob("studies/*/params.yaml")]:
        assert (params.parent / "releases.json").is_file(), f"{params.parent} lacks releases.json; write {{}} into it"


def test_text_for_a_terminal_keeps_what_can_be_printed() -> None:
    assert shown("température 20°\t".encode()) == "température 20°\\t"
    assert shown(b"\x1b[31m") == "\\x1b[31m"
    assert HEADER in shown(HEADER.encode())


@pytest.mark.parametrize(
    ("name", "encoding", "end"),
    [("p1_1.csv", "utf-8-sig", "\r\n"), ("p1_1.csv", "utf-16", "\n"), ("p1_1.csv.gz", "utf-8", "\n")],
)
def test_lines_are_corrected_in_any_packing_and_encoding(tmp_path: Path, name: str, encoding: str, end: str) -> None:
    codec = encoding.removesuffix("-sig")
    study = source_study(
        tmp_path,
        files="*.csv*",
        reader={"format": "delimited", "encoding": codec},
        identity={"pattern": r"(?P<subject>\w+)_(?P<session>\d+)\.csv"},
    )
    rows = [HEADER, *lines(30)]
    rows[10] = "oops"
    data = end.join([*rows, ""]).encode(encoding)
    path = study.raw("s") / name
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    ingest(study, "s")
    assert rows_of(study, "acc").height == 29
    _release(study, file=name, line=11, text=lines(1, start=9)[0])
    ingest(study, "s")
    _conserved(study)
    kept = rows_of(study, "acc")
    assert kept.height == 30
    assert kept["t_ns"].to_list() == [20_000_000 * number for number in range(30)]

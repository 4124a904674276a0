"""``mmbind inspect`` and ``mmbind ingest``: what they print, draw and, above all, do not write."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from mmbind.cli import main
from mmbind.files import digest_folder, read_json
from mmbind.inspection import try_source
from mmbind.inspection.plots import picture, text_plot
from mmbind.study import Study
from tests.support import tiny_params, write_study
from tests.unit.inspection.logs import in_units, motion, triaxial, write_csv

NAMES = {"acc": "acc_{}", "gyro": "gyro_{}"}


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return int(caught.value.code or 0)


def _logs(folder: Path) -> Path:
    for subject in (1, 2):
        signals = in_units(motion(subject, count=600), {"acc": "m/s2", "gyro": "rad/s"})
        write_csv(folder / f"p{subject}_1.csv", {"t": np.arange(600) * 20, **triaxial(signals, NAMES)})
    return folder


def _study(root: Path) -> Study:
    source = dict(tiny_params()["sources"]["s"])
    source["modalities"] = {name: source["modalities"][name] for name in NAMES}
    study = write_study(root, sources={"s": {**source, "labels": {}}})
    _logs(study.raw("s"))
    path = study.raw("s") / "p1_1.csv"
    path.write_text(path.read_text() + "12000,oops\n")
    return study


def test_inspect_prints_a_block_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _logs(tmp_path / "new fleet")
    before = digest_folder(tmp_path)
    assert _run("inspect", str(folder)) == 0
    out = capsys.readouterr().out
    for text in ("new_fleet:", "unit: m/s2  # at rest it is", "First rows of p", "▁", "rad/s"):
        assert text in out
    assert digest_folder(tmp_path) == before


def test_a_written_block_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _logs(tmp_path / "fleet")
    block, drawn = tmp_path / "block.yaml", tmp_path / "one.png"
    assert _run("inspect", str(folder), "--name", "mine", "--write", str(block), "--plot", str(drawn)) == 0
    assert set(yaml.safe_load("sources:\n" + block.read_text())["sources"]) == {"mine"}
    assert drawn.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "put it below 'sources:'" in capsys.readouterr().out


def test_a_dry_run_tells_what_ingest_does_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = _study(tmp_path)
    before = digest_folder(tmp_path)
    assert _run("ingest", "s", "--dry-run", "--study", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert digest_folder(tmp_path) == before
    assert "p1_1.csv:602" in out
    assert "the line has 2 fields, not 7." in out
    trial = try_source("s", study.params.sources["s"], study.raw("s"))
    assert _run("ingest", "--study", str(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines() == trial.summary.lines()
    counts = read_json(study.records("s") / "manifest.json")["counts"]
    assert sum(tried.kept for tried in trial.modalities.values()) == counts["kept"]
    assert sum(tried.quarantined for tried in trial.modalities.values()) == counts["quarantined"] == 2
    assert trial.modalities["acc"].rate_hz == pytest.approx(50)


def test_unknown_sources_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _study(tmp_path)
    assert _run("ingest", "t", "--study", str(tmp_path)) == 2
    assert "Unknown source 't'" in capsys.readouterr().err
    assert _run("ingest", "--plot", "a.png", "--study", str(tmp_path)) == 2


def test_plots_show_gaps_and_are_the_same_twice(tmp_path: Path) -> None:
    study = _study(tmp_path)
    trial = try_source("s", study.params.sources["s"], study.raw("s"), ["p2_1.csv"])
    lines = text_plot(trial, width=40)
    assert lines[0].startswith("p2_1.csv, 12 s")
    assert len(lines) == 7
    picture(trial, tmp_path / "a.png", "s")
    picture(trial, tmp_path / "b.png", "s")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

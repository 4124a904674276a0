"""Readers of other packages: a real one, installed, and ones that break the contract."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from mmbind.config import Params
from mmbind.errors import InputError, MmbindError
from mmbind.sources import ingest
from tests.support import ROOT, tiny_params
from tests.unit.sources.logs import aside, conserved, manifest, modality, rows_of, source_study

PACKAGE = ROOT / "tests" / "packages" / "mmbind_reader_demo"
CLOCK = {"kind": "timestamp", "column": "t", "unit": "us"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo package, installed by pip without a network."""
    target, copy = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("package")
    for name in ("pyproject.toml", "mmbind_reader_demo.py"):
        (copy / name).write_bytes((PACKAGE / name).read_bytes())
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, copy], check=True)
    return target


def frames(count: int, rest: bytes = b"") -> bytes:
    """Frames of the made-up logger at 100 Hz."""
    return b"".join(struct.pack("<q4h", 10_000 * i, i, -i, 100, 7) for i in range(count)) + rest


def write_demo_study(root: Path) -> None:
    """A study of frames, as files: the reader need not be installed here."""
    acc = {"columns": [0, 1, 2], "channels": list("xyz"), "unit": "m/s2", "clock": CLOCK}
    source = {
        "files": "*.frames",
        "reader": {"format": "demo_frames", "options": {"values": 4}},
        "identity": {"pattern": r"(?P<subject>\w+)_(?P<session>\d+)\.\w+$"},
        "modalities": {"acc": acc},
    }
    (root / "data" / "raw" / "s").mkdir(parents=True)
    (root / "params.yaml").write_text(yaml.safe_dump(tiny_params(sources={"s": source})))


def run(root: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Ingests in a process of its own, with these folders on its path."""
    code = (
        "from pathlib import Path; from mmbind.sources import ingest; from mmbind.study import Study\n"
        "from mmbind.errors import MmbindError\n"
        "try: print(*ingest(Study.load(Path('.')), 's').lines(), sep='\\n')\n"
        "except MmbindError as error: print(error); raise SystemExit(error.exit_code)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*paths, ROOT]))}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_an_installed_package_reads_its_format(tmp_path: Path, installed: Path) -> None:
    write_demo_study(tmp_path)
    (tmp_path / "data" / "raw" / "s" / "p1_1.frames").write_bytes(frames(20, b"\x01\x02"))
    (tmp_path / "data" / "raw" / "s" / "p2_1.frames").write_bytes(b"short")
    done = run(tmp_path, installed)
    assert done.returncode == 0, done.stdout + done.stderr
    records = tmp_path / "data" / "records" / "s"
    rows = pl.concat([pl.read_parquet(path) for path in sorted((records / "acc").glob("*.parquet"))])
    assert rows.select("t_ns", "x", "y", "z").rows() == [(10_000_000 * i, i, -i, 100) for i in range(20)]
    kept = pl.read_parquet(records / "quarantine.parquet")
    assert kept.select("file", "line", "raw", "rule").rows() == [
        ("p1_1.frames", 21, b"\x01\x02", "broken_line"),
        ("p2_1.frames", None, b"", "unreadable"),
    ]
    assert "(0 read, 2 unchanged)" in run(tmp_path, installed).stdout
    (metadata,) = installed.glob("mmbind_reader_demo-*.dist-info/METADATA")
    metadata.write_text(metadata.read_text().replace("Version: 0.1.0", "Version: 0.2.0"))
    assert "(2 read, 0 unchanged)" in run(tmp_path, installed).stdout


def test_without_the_package_the_message_names_the_known_formats(tmp_path: Path) -> None:
    write_demo_study(tmp_path)
    done = run(tmp_path)
    assert done.returncode == 2
    assert "sources.s.reader.format: unknown value 'demo_frames'" in done.stdout
    assert all(name in done.stdout for name in ("params.yaml:", "delimited", "hdf5", "jsonl", "sqlite"))


@pytest.fixture
def broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Installs a reader of one function by hand; returns how."""

    def install(name: str, body: str) -> None:
        folder = tmp_path / f"site_{name}"
        info = folder / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[mmbind.readers]\n{name} = {name}:open_file\n")
        (folder / f"{name}.py").write_text(body)
        monkeypatch.syspath_prepend(folder)

    return install


HEAD = """
import polars as pl
from mmbind.sources.table import Block, RawFile, broken_frame
def block(frame, read):
    raw = lambda lines: lines.cast(pl.String).cast(pl.Binary)
    return Block({"acc": pl.DataFrame(frame)}, broken_frame([]), {"acc": read}, raw)
GOOD = {"line": [1, 2], "row": [0, 1], "time": [0, 1], "v0": [1.0, 2.0], "v1": [1.0, 2.0], "v2": [1.0, 2.0]}
def open_file(path, source, modalities):
"""


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("fails_at_once", "    raise KeyError('offset')", r"failed at .*p1_1\.csv: KeyError\('offset'\)"),
        ("fails_later", "    return RawFile(block(GOOD, 2) for _ in [1 / 0])", "failed at .*ZeroDivisionError"),
        ("lacks_a_column", "    del GOOD['v2']; return RawFile([block(GOOD, 2)])", "lack the column 'v2' of Float64"),
        ("wrong_type", "    return RawFile([block({**GOOD, 'v1': [1, 2]}, 2)])", "lack the column 'v1' of Float64"),
        ("loses_rows", "    return RawFile([block(GOOD, 3)])", "of 3 readings of acc, 2 were kept"),
        ("not_there", "    pass\ndel open_file", "cannot be imported"),
    ],
)
def test_a_reader_that_breaks_the_contract_is_named(
    tmp_path: Path, broken_package: Any, name: str, body: str, told: str
) -> None:
    broken_package(name, HEAD + body + "\n")
    mods = {"acc": modality("a", "m/s2")}
    study = source_study(tmp_path / "study", reader={"format": name}, modalities=mods, labels={})
    (study.raw("s") / "p1_1.csv").write_text("x")
    with pytest.raises(MmbindError, match=told) as failure:
        ingest(study, "s")
    assert name == "loses_rows" or f"{name} 1.2" in str(failure.value)


def test_options_reach_the_reader_and_other_keys_are_refused(tmp_path: Path, broken_package: Any) -> None:
    body = "    GOOD['v0'] = [source.reader.options['start'], 5.0]; return RawFile([block(GOOD, 2)])\n"
    broken_package("with_options", HEAD + body)
    mods = {"acc": modality("a", "m/s2")}
    section = {"format": "with_options", "options": {"start": 4.0}}
    study = source_study(tmp_path / "study", reader=section, modalities=mods, labels={})
    (study.raw("s") / "p1_1.csv").write_text("x")
    ingest(study, "s")
    assert rows_of(study, "acc")["x"].to_list() == [4.0, 5.0]
    assert aside(study) == []
    assert conserved(study)
    assert manifest(study)["counts"]["kept"] == 2
    values = tiny_params()
    values["sources"]["s"]["reader"] = {"format": "with_options", "separator": ";"}
    with pytest.raises(ValueError, match="separator"):
        Params.model_validate(values)


def test_two_packages_of_one_format_are_refused(tmp_path: Path, broken_package: Any) -> None:
    broken_package("twice", HEAD + "    pass\n")
    broken_package("other", HEAD + "    pass\n")
    (tmp_path / "site_other" / "other-1.2.dist-info" / "entry_points.txt").write_text(
        "[mmbind.readers]\ntwice = other:open_file\n"
    )
    mods = {"acc": modality("a", "m/s2")}
    study = source_study(tmp_path / "study", reader={"format": "twice"}, modalities=mods, labels={})
    (study.raw("s") / "p1_1.csv").write_text("x")
    with pytest.raises(InputError, match="More than one package reads 'twice'"):
        ingest(study, "s")

"""Encoders of other packages: real ones, installed, and ones that break the contract."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmbind.encoders import embed, fit_shared_encoder
from mmbind.errors import ConfigError, InputError, MmbindError
from mmbind.study import Study
from tests.support import ROOT
from tests.unit.encoders.test_encoders import small_study

PACKAGE = ROOT / "tests" / "packages" / "mmbind_encoder_demo"
RUN = """
from pathlib import Path
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.study import Study
study = Study.load(Path('.'))
print(*fit_shared_encoder(study).lines(), *embed(study).lines(), sep='\\n')
print(fit_shared_encoder(study).card['package'])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo package, installed by pip without a network."""
    target, copy = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("package")
    for name in ("pyproject.toml", "mmbind_encoder_demo.py"):
        (copy / name).write_bytes((PACKAGE / name).read_bytes())
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, copy], check=True)
    return target


@pytest.mark.parametrize(("name", "options"), [("demo_means", "{parts: 3}"), ("demo_scaled", "{}")])
def test_an_installed_package_encodes(tmp_path: Path, installed: Path, name: str, options: str) -> None:
    small_study(tmp_path)
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("shared:\n", f"shared:\n  encoder: {name}\n  options: {options}\n"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "A: 40/40 windows embedded" in done.stdout
    assert "['mmbind-encoder-demo', '0.1.0', 'mmbind_encoder_demo:" in done.stdout


def test_an_unknown_encoder_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown value 'statistic'\. Did you mean 'statistics'") as refused:
        small_study_of(tmp_path, "statistic")
    assert refused.value.key == "shared.encoder"


def small_study_of(root: Path, encoder: str) -> Study:
    """A study whose file names an encoder that need not be known."""
    small_study(root)
    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(text.replace("shared:\n", f"shared:\n  encoder: {encoder}\n"))
    return Study.load(root)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Installs an encoder of one module by hand; returns how."""

    def install(name: str, body: str, target: str = "encode") -> None:
        folder = tmp_path / f"site_{name}"
        info = folder / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[mmbind.encoders]\n{name} = {name}:{target}\n")
        (folder / f"{name}.py").write_text(body)
        monkeypatch.syspath_prepend(folder)

    return install


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("enc_fails", "def encode(windows): raise KeyError('x')", r"failed: KeyError\('x'\)"),
        ("enc_shape", "def encode(windows): return windows", r"array of the shape \(2, 32, 3\) from 2 windows"),
        ("enc_rows", "def encode(windows): return windows[:1, :, 0]", r"array of the shape \(1, 32\)"),
        ("enc_none", "encode = 3", "neither a function nor a subclass"),
        ("enc_gone", "", "cannot be imported"),
        ("enc_size", "def encode(w): return w[:, :len(w), 0]", "dimensions, and had 2 before"),
    ],
)
def test_an_encoder_that_breaks_the_contract_is_named(
    tmp_path: Path, package: Any, name: str, body: str, told: str
) -> None:
    def both(study: Study) -> None:
        fit_shared_encoder(study)
        embed(study)

    package(name, body + "\n")
    study = small_study_of(tmp_path / "study", name)
    with pytest.raises(MmbindError, match=told) as failure:
        both(study)
    assert f"{name} 1.2" in str(failure.value)


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path, package: Any) -> None:
    package("enc_nan", "import numpy as np\ndef encode(w): return np.full((len(w), 3), np.nan)\n")
    study = small_study_of(tmp_path / "study", "enc_nan")
    fit_shared_encoder(study)
    with pytest.raises(InputError, match="holds NaN or infinity"):
        embed(study)

"""A study of one's own, outside the repository, run without any server."""

import json
from pathlib import Path

import pytest
import yaml

from tests.e2e.support import DEMO_SCALE, SHRUNK, attempt, command, shrink, up_to_date
from tests.support import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere") / "mine"
    command(["mmbind", "init", str(folder)], ROOT)
    command(["dvc", "init", "--no-scm", "--quiet"], folder)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (folder / "params.yaml").write_text(yaml.safe_dump({**params, "house": "."}, sort_keys=False))
    shrink(folder, {**SHRUNK, "evaluation": {"seeds": [0], "workers": 1, "methods": ["lower", "mmbind"]}})
    command(["mmbind", "demo", "--scale", DEMO_SCALE], folder)
    (folder / "inbox").mkdir(exist_ok=True)
    (folder / "data/raw/fleet_a").rename(folder / "inbox/fleet_a")
    output = command(["mmbind", "run", "--still", "0"], folder)
    assert f"evaluation report: {folder.resolve() / 'data/reports/evaluation.html'}" in output
    return folder


def test_a_run_lands_walks_and_reports(study: Path) -> None:
    assert not [path for path in (study / "inbox").rglob("*") if path.is_file()]
    assert (study / "data/raw/fleet_a.dvc").is_file()
    assert up_to_date(study)
    assert (study / "data/reports/binding.html").is_file()
    methods = json.loads((study / "data/metrics/evaluation.json").read_text())["methods"]
    assert sorted(methods) == ["lower", "mmbind"]


def test_a_second_run_has_nothing_to_do(study: Path) -> None:
    lock = (study / "dvc.lock").read_bytes()
    assert "Running stage" not in command(["mmbind", "run"], study)
    assert (study / "dvc.lock").read_bytes() == lock


def test_a_broken_source_stops_the_run_with_the_doors_words(study: Path) -> None:
    path = study / "params.yaml"
    original = path.read_text()
    try:
        params = yaml.safe_load(original)
        params["sources"]["fleet_a"]["modalities"]["acc"]["unit"] = "m/s2"  # logged in g
        path.write_text(yaml.safe_dump(params, sort_keys=False))
        done = attempt(["mmbind", "run"], study)
    finally:
        path.write_text(original)
    assert done.returncode == 1
    (said,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert "fleet_a" in said
    assert "acc" in said
    assert "Traceback" not in done.stdout

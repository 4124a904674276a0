"""The command line: light help, one sentence for a user's error, the right exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmbind.cli import main
from mmbind.cli.results_table import results_lines
from mmbind.files import write_json
from tests.support import ROOT, write_study

HEAVY = ("torch", "polars", "numpy", "prefect", "dvc", "faiss", "great_expectations", "matplotlib", "pydantic")


def _mmbind(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    code = "import sys; from mmbind.cli import main; main(sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom mmbind.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for command in ("init", "demo", "fetch", "run", "up", "results"):
        assert command in done.stdout


def test_a_misspelt_key_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    path = study.root / "params.yaml"
    path.write_text(path.read_text().replace("separator", "x").replace("binding:\n  partners", "binding:\n  partnrs"))
    done = _mmbind("results", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "'binding.partnrs'. Did you mean 'partners'?" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" in _mmbind("--debug", "results", cwd=tmp_path).stderr


def test_doors_end_the_same_way(tmp_path: Path) -> None:
    write_study(tmp_path)
    door = [sys.executable, "-m", "flows.bind"]
    done = subprocess.run(door, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: bind: ")
    assert "Traceback" not in done.stderr


def test_results_name_the_stage_that_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = write_study(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["results", "--study", str(tmp_path)])
    assert caught.value.code == 2
    assert "Run the stage 'report' first" in capsys.readouterr().err
    figures = {
        name: {"accuracy": {"mean": 0.5, "deviation": 0.1}, "macro_f1": {"mean": 0.4, "deviation": 0.2}}
        for name in study.params.evaluation.methods
    }
    write_json(study.metrics("binding"), {"purity": {"mean": 0.7, "chance": 0.1}})
    write_json(study.metrics("evaluation"), {"labels": 12, "test_windows": 30, "chance": 0.25, "methods": figures})
    text = "\n".join(results_lines(study))
    assert "0.500 ± 0.100" in text
    assert "0.700 (chance 0.100)" in text
    assert str(study.report("binding").resolve()) in text
    assert json.loads(study.metrics("binding").read_text())

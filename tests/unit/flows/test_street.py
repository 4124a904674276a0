"""The stages that the pipeline walks are those of dvc.yaml."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flows.dvc_cli import dvc
from flows.street import stages
from mmbind.config import Params, load_params
from tests.support import ROOT


@pytest.mark.parametrize("study", [".", "studies/utd_mhad"])
def test_the_pipeline_walks_every_stage_of_dvc_yaml(study: str) -> None:
    folder = ROOT / study
    listed = [line for line in dvc(["stage", "list", "--name-only", "dvc.yaml"], folder) if line]
    assert sorted(stages(load_params(folder / "params.yaml"))) == sorted(listed)


def test_one_pipeline_text_serves_all_studies() -> None:
    for study in sorted(path.parent for path in (ROOT / "studies").glob("*/params.yaml")):
        assert (study / "dvc.yaml").is_symlink()
        assert (study / "dvc.yaml").resolve() == ROOT / "dvc.yaml"


@pytest.mark.parametrize("path", ["params.yaml", "studies/*/params.yaml", "mmbind/cli/params_template.yaml"])
def test_every_parameter_that_a_stage_names_stands_in_the_study(path: str) -> None:
    """DVC stops at a section that is not written down, whatever its defaults are."""
    stages_of = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    named = {key for stage in stages_of for key in stage.get("do", stage)["params"]}
    files = sorted(ROOT.glob(path))
    assert files
    for file in files:
        params = yaml.safe_load(file.read_text())
        for key in named:
            section = params
            for part in key.removesuffix(".${key}").split("."):
                assert part in section, (file, key)
                section = section[part]
        required = {name for name, field in Params.model_fields.items() if field.is_required()}
        assert {key.split(".")[0] for key in named} <= required


def test_every_stage_depends_on_the_code_of_its_room() -> None:
    text = (ROOT / "dvc.yaml").read_text()
    for room in (
        "sources",
        "validation",
        "windows",
        "roles",
        "encoders",
        "binding",
        "reports",
        "training",
        "evaluation",
    ):
        assert f"${{house}}/mmbind/{room}\n" in text


def test_doors_load_no_orchestrator() -> None:
    doors = sorted(path.stem for path in (ROOT / "flows").glob("*.py") if "__main__" in path.read_text())
    assert len(doors) == 10
    imports = "".join(f"import flows.{door}\n" for door in doors)
    code = f"{imports}import sys; print('prefect' in sys.modules, 'dvc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_pinned_server_imports() -> None:
    """Prefect's own bounds admit fastapi releases that its server cannot be imported with."""
    code = "import warnings; warnings.simplefilter('ignore'); import prefect.server.api.server"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path("/"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

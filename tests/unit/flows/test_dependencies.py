"""What a stage's code uses is a dependency of the stage: else repaired code leaves stale outputs."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

from tests.support import ROOT

LEARNERS = {"encoders", "learning", "training", "evaluation"}
ROOMS = {"sources", "validation", "windows", "roles", "binding", "dataset", "reports", "versions", *LEARNERS}
#: Imported with a room and not used by the stage: encoders also fit what bind only reads, validation also judges
#: records, versions also trace pairs; windows that are only read were judged when they were cut, and so were pairs.
#: The few windows that bind may embed itself (weight.by: labelled) go through the encoder that the embeddings name:
#: what changes it, changes those.
UNUSED = {
    "window": {"sources"},
    "assign": {"sources"},
    "fit-shared": {"sources", "validation"},
    "embed": {"sources", "validation"},
    "bind": {"learning", "sources"},
    "report": {"sources", "validation"},
    "train": {"sources", "validation"},
    "evaluate": {"versions", "sources", "validation"},
}
LOADED = """
import json, sys
import flows.{door}
print(json.dumps(sorted(name for name in sys.modules if name.startswith("mmbind."))))
"""


def _stages() -> Iterator[tuple[str, list[str]]]:
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        deps = stage.get("do", stage)["deps"]
        yield name, [dep.removeprefix("${house}/mmbind/") for dep in deps if "house}/mmbind" in dep]


@pytest.mark.parametrize(("stage", "deps"), list(_stages()))
def test_rooms_that_a_door_imports_are_dependencies(stage: str, deps: list[str]) -> None:
    code = LOADED.format(door=stage.replace("-", "_"))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    rooms = {module.split(".")[1] for module in json.loads(done.stdout)} & ROOMS
    assert rooms - UNUSED.get(stage, set()) - {dep.split("/")[0] for dep in deps} == set()


@pytest.mark.parametrize(("stage", "deps"), list(_stages()))
def test_dependencies_on_code_exist_and_stand_once(stage: str, deps: list[str]) -> None:
    assert all((ROOT / "mmbind" / dep).exists() for dep in deps)
    assert sorted(set(deps)) == deps

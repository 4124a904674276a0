"""Clones of the project, shrunk so that the whole street is walked in about a minute."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mmbind.binding import bind
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.roles import assign_roles
from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.validation import validate
from mmbind.windows import cut_windows
from tests.support import ROOT

#: A demo of this scale has enough windows for every role.
DEMO_SCALE = "0.12"
#: Fewer labels, smaller networks and schedules; every other parameter is the demo's own.
SHRUNK: dict[str, Any] = {
    "roles": {"target": {"labels": {"count": 12}}},
    "shared": {"dimensions": 16, "width": 8, "schedule": {"epochs": 3}},
    "training": {
        "network": {"width": 8, "features": 16, "projection": 16},
        "pretrain": {"epochs": 2},
        "finetune": {"epochs": 3},
    },
    "evaluation": {"seeds": [0], "workers": 1},
}


def walk_to_bind(study: Study, sources: Sequence[str]) -> None:
    """All stages from raw logs to the pairs in plain Python; sources whose windows are there are not read again."""
    for source in sources:
        if not study.windows(source).is_dir():
            ingest(study, source)
            validate(study, source)
            cut_windows(study, source)
    assign_roles(study)
    fit_shared_encoder(study)
    embed(study)
    bind(study)


def clone(destination: Path) -> Path:
    """A new git repository with the project's files as they are in the working tree."""
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, destination / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    git(destination, "init", "--quiet")
    git(destination, "add", "--all")
    git(destination, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--message", "clone")
    return destination


def shrink(study: Path, changes: dict[str, Any] = SHRUNK) -> None:
    """Writes a study's ``params.yaml`` with some values replaced."""
    path = study / "params.yaml"
    path.write_text(yaml.safe_dump(merged(yaml.safe_load(path.read_text()), changes), sort_keys=False))


def shrunk_demo(destination: Path) -> Path:
    """A shrunk clone with the demo fleets' raw logs."""
    clone(destination)
    shrink(destination)
    command(["mmbind", "demo", "--scale", DEMO_SCALE], destination)
    return destination


def command(arguments: list[str], cwd: Path, **environment: str) -> str:
    """Runs ``python -m ...`` in a clone, whose code it then uses; returns its output.

    Raises:
        AssertionError: with the output, when it fails.
    """
    done = attempt(arguments, cwd, **environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


def attempt(arguments: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Like :func:`command`, for commands that may fail."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=clean_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without Prefect's settings, this interpreter first on the path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DVC_"))}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    return {**environment, **extra}


def git(cwd: Path, *arguments: str) -> str:
    """Runs git and returns its output."""
    return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True).stdout


def up_to_date(study: Path) -> bool:
    """Whether ``dvc status dvc.yaml`` finds nothing to do."""
    return "up to date" in command(["dvc", "status", "dvc.yaml"], study)


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with some values replaced, section by section."""
    together = dict(base)
    for key, value in changes.items():
        together[key] = merged(base.get(key, {}), value) if isinstance(value, dict) else value
    return together

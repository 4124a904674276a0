"""The demo fleets from raw logs to reports, by every path, to the same bytes."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.street import stages
from mmbind.config import load_params
from mmbind.files import digest_folder
from tests.e2e.support import attempt, clean_environment, command, git, shrunk_demo, up_to_date

pytestmark = pytest.mark.slow

WALK = """
from mmbind import binding, encoders, evaluation, reports, roles, sources, training, validation, windows
from mmbind.study import Study

if __name__ == "__main__":
    study = Study.load(".")
    for room in (sources.ingest, validation.validate, windows.cut_windows):
        for source in sorted(study.params.sources, reverse=True):
            room(study, source)
    for room in (roles.assign_roles, encoders.fit_shared_encoder, encoders.embed, binding.bind,
                 reports.write_binding_report, training.train, evaluation.evaluate):
        room(study)
"""


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that ``dvc repro`` has walked."""
    study = shrunk_demo(tmp_path_factory.mktemp("dvc") / "study")
    output = command(["dvc", "repro", "dvc.yaml"], study, PREFECT_API_URL="http://127.0.0.1:1/api")
    assert "prefect" not in output.lower()
    return study


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A second clone with ``mmbind up`` at work in it: its folder and the server's address."""
    study = shrunk_demo(tmp_path_factory.mktemp("prefect") / "study")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (study.parent / "up.log").open("w+")
    child = subprocess.Popen(
        [sys.executable, "-m", "mmbind", "up", "--port", str(port)],
        cwd=study,
        env=clean_environment(PYTHONUNBUFFERED="1"),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        give_up = time.monotonic() + 240
        while "Stop: Ctrl-C" not in (study.parent / "up.log").read_text():
            assert child.poll() is None, (study.parent / "up.log").read_text()
            assert time.monotonic() < give_up, (study.parent / "up.log").read_text()
            time.sleep(0.5)
        yield study, f"http://127.0.0.1:{port}/api"
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=60)
        finally:
            log.close()
            _kill_group(child.pid)


@pytest.fixture(scope="module")
def deployed(server: tuple[Path, str]) -> tuple[Path, str]:
    """The second clone after the deployment has run."""
    study, api = server
    output = command(
        ["prefect", "--no-prompt", "deployment", "run", "pipeline/nightly", "--watch"], study, PREFECT_API_URL=api
    )
    assert "Completed" in output or "finished" in output, output
    return study, api


def test_repro_and_the_deployment_leave_the_same_lock(reproduced: Path, deployed: tuple[Path, str]) -> None:
    # dvc walks independent stages in an order of its own, and writes them down in that order
    one, other = (yaml.safe_load((study / "dvc.lock").read_text()) for study in (reproduced, deployed[0]))
    assert one == other


def test_nothing_is_left_to_do(reproduced: Path, deployed: tuple[Path, str]) -> None:
    for study in (reproduced, deployed[0]):
        assert up_to_date(study)
        assert "Running stage" not in command(["dvc", "repro", "dvc.yaml"], study)


def test_plain_python_leaves_the_same_bytes(reproduced: Path, tmp_path: Path) -> None:
    study = shrunk_demo(tmp_path / "study")
    (study / "walk.py").write_text(WALK)
    command(["walk"], study)
    for out in _outs(reproduced):
        assert _digest(study / out) == _digest(reproduced / out), out


def test_the_server_shows_one_task_run_per_stage_with_its_log(deployed: tuple[Path, str]) -> None:
    study, api = deployed
    tasks = {task["name"]: task for task in _post(api, "task_runs/filter", {"limit": 200})}
    for stage in stages(load_params(study / "params.yaml")):
        assert tasks[stage]["state_type"] == "COMPLETED", stage
    logs = _post(api, "logs/filter", {"logs": {"task_run_id": {"any_": [tasks["train"]["id"]]}}})
    assert any("Running stage 'train'" in line["message"] for line in logs)


def test_reports_and_metrics_are_artifacts(deployed: tuple[Path, str]) -> None:
    study, api = deployed
    artifacts = {artifact["key"]: artifact for artifact in _post(api, "artifacts/filter", {}) if artifact["key"]}
    assert str(study / "data/reports/binding.html") in artifacts["study-binding-report"]["data"]
    figures = {row["figure"]: row["value"] for row in json.loads(artifacts["study-metrics"]["data"])}
    evaluation = json.loads((study / "data/metrics/evaluation.json").read_text())
    accuracy = evaluation["methods"]["mmbind"]["accuracy"]["mean"]
    assert figures["methods.mmbind.accuracy.mean"] == pytest.approx(accuracy, abs=1e-4)


def test_the_deployment_is_scheduled_and_runs_one_at_a_time(deployed: tuple[Path, str]) -> None:
    (deployment,) = _post(deployed[1], "deployments/filter", {})
    assert deployment["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
    assert deployment["global_concurrency_limit"]["limit"] == 1
    assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    assert "study" in deployment["parameters"]


def test_metrics_show_and_diff_give_the_figures(reproduced: Path) -> None:
    output = command(["dvc", "metrics", "show", "--json"], reproduced)
    shown = json.loads(output[output.index("{") :])  # behind a remark on studies that have not been walked
    files = {name: entry["data"] for name, entry in shown[""]["data"].items() if "data" in entry}
    assert 0 <= files["data/metrics/binding.json"]["purity"]["mean"] <= 1
    assert 0 <= files["data/metrics/evaluation.json"]["methods"]["mmbind"]["accuracy"]["mean"] <= 1
    git(reproduced, "add", "--all")
    git(reproduced, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "run")
    changed = reproduced / "data/metrics/binding.json"
    original = changed.read_text()
    try:
        changed.write_text(re.sub(r'"pairs": \d+', '"pairs": 1', original))
        assert "pairs" in command(["dvc", "metrics", "diff"], reproduced)
    finally:
        changed.write_text(original)


def test_the_reports_need_no_network(reproduced: Path) -> None:
    for name in ("binding", "evaluation"):
        page = (reproduced / f"data/reports/{name}.html").read_text()
        assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", page)
        assert "@import" not in page


@pytest.mark.parametrize("stage", ["ingest@fleet_a", "fit-shared", "train"])
def test_a_killed_stage_is_repaired_by_the_next_run(reproduced: Path, stage: str) -> None:
    before = (reproduced / "dvc.lock").read_text()
    if stage.startswith("ingest"):  # else all is remembered, and nothing is left to be killed at
        for known in ("data/records/fleet_a", "data/.work/ingest"):
            shutil.rmtree(reproduced / known)
    child = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", stage],
        cwd=reproduced,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    note = reproduced / ".mmbind.holder"
    give_up = time.monotonic() + 120
    while not note.exists():  # the door has taken the lock: it is at work
        assert time.monotonic() < give_up
        time.sleep(0.002)
    time.sleep(0.05)
    assert note.exists(), "the stage had ended before it was killed"
    _kill_group(child.pid)
    child.wait()
    command(["dvc", "repro", "dvc.yaml"], reproduced)
    assert (reproduced / "dvc.lock").read_text() == before
    assert up_to_date(reproduced)


def test_a_removed_source_leaves_nothing_behind(reproduced: Path) -> None:
    path = reproduced / "params.yaml"
    original = path.read_text()
    params = yaml.safe_load(original)
    params["sources"]["spare"] = params["sources"]["fleet_a"]
    try:
        path.write_text(yaml.safe_dump(params, sort_keys=False))
        shutil.copytree(reproduced / "data/raw/fleet_a", reproduced / "data/raw/spare")
        command(["dvc", "repro", "assign"], reproduced)
        assert (reproduced / "data/windows/spare").is_dir()
        path.write_text(original)
        command(["dvc", "repro", "assign"], reproduced)
        assert not (reproduced / "data/windows/spare").exists()
        assert not (reproduced / "data/records/spare").exists()
    finally:
        path.write_text(original)


def test_a_door_outside_its_study_says_what_to_do(tmp_path: Path) -> None:
    done = attempt(["flows.bind"], tmp_path)
    assert done.returncode == 2
    assert "Run this in a study's folder" in done.stdout


def _outs(study: Path) -> list[str]:
    lock = yaml.safe_load((study / "dvc.lock").read_text())
    return [out["path"] for stage in lock["stages"].values() for out in stage["outs"]]


def _digest(path: Path) -> str:
    return digest_folder(path) if path.is_dir() else path.read_bytes().hex()


def _post(api: str, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{api}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        found: list[dict[str, Any]] = json.load(reply)
    return found


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return

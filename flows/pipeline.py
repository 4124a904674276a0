"""The scheduled pipeline: land, walk every stage through DVC, keep and publish the result.

DVC alone decides what is out of date and holds the cache, so tasks cache nothing. One task
run per stage carries the stage's log. A stage whose door refuses (bad input, a gate) fails
at once; a stage that was killed is tried again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.logging import get_run_logger

from flows import history
from flows.artifacts import publish
from flows.dvc_cli import StageError, find_root, reproduce
from flows.landing import land
from flows.locks import pipeline_lock
from flows.logs import explain_errors
from flows.street import stages
from mmbind.errors import InputError
from mmbind.files import read_json
from mmbind.study import Study
from mmbind.versions.gate import check_quality


def _was_killed(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Whether a task run failed for a reason that another try may cure."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageError) and error.transient


@task(name="land", task_run_name="land", cache_policy=NO_CACHE, persist_result=False)
def land_raw_files(study: str, still_s: float) -> None:
    """Moves finished files from the inbox to the raw data and tracks them."""
    logger = get_run_logger()
    for line in land(Study.load(study), still_s=still_s, on_line=logger.info).lines():
        logger.info(line)


@task(
    task_run_name="{stage}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=_was_killed,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def walk_stage(stage: str, study: str) -> None:
    """Walks one stage of ``dvc.yaml`` when it is out of date."""
    reproduce(stage, Path(study), on_line=get_run_logger().info)


@task(name="check-binding", task_run_name="check-binding", cache_policy=NO_CACHE, persist_result=False)
def check_binding(study: str) -> None:
    """Stops the run when the binding is worse than the accepted version."""
    logger = get_run_logger()
    for line in check_quality(Study.load(study)):
        logger.info(line)


@task(name="keep", task_run_name="keep", cache_policy=NO_CACHE, persist_result=False)
def keep_version(study: str, commit: bool, push: bool, keep_versions: int | None) -> None:
    """Commits, pushes and forgets versions as the flow's parameters say."""
    logger, root = get_run_logger(), Path(study)
    if commit:
        version = read_json(Study.load(root).bindings / "manifest.json")["id"]
        revision = history.commit(root, f"Pipeline run: binding {version}")
        logger.info(f"committed {revision}" if revision else "nothing new to commit")
    if push:
        logger.info("pushed to the default remote" if history.push(root) else "no default remote: nothing pushed")
    if keep_versions is not None:
        history.forget(root, keep_versions)
        logger.info(f"kept the data of the last {keep_versions} commits")


@task(name="publish", task_run_name="publish", cache_policy=NO_CACHE, persist_result=False)
def publish_artifacts(study: str) -> None:
    """Publishes reports and metrics to the Prefect UI."""
    publish(Study.load(study))


@flow(name="pipeline", persist_result=False)
def pipeline(
    study: str = ".",
    commit: bool = False,
    push: bool = True,
    keep_versions: int | None = None,
    still_s: float = 60.0,
) -> None:
    """Walks a study from its inbox to its reports.

    Args:
        study: the study's folder.
        commit: whether to commit ``dvc.lock``, ``.dvc`` files, metrics and plots when they changed.
        push: whether to push data to the default DVC remote, if one is set.
        keep_versions: how many commits keep their cached data; all when None.
        still_s: seconds without a write after which a file in the inbox counts as finished.

    Raises:
        InputError: inside a DVC stage, or for bad input to a stage.
        StageError: when a stage fails or a gate of it stops it.
        GateError: when the binding is worse than the accepted version.
        MmbindError: when another run of this study is at work.
    """
    if "DVC_STAGE" in os.environ:
        raise InputError(
            f"The pipeline runs stages; it cannot run inside one ({os.environ['DVC_STAGE']!r}).",
            hint="Call the stage's own door, python -m flows.<stage>.",
        )
    explain_errors()
    opened = Study.load(study)
    find_root(opened.root)
    with pipeline_lock(opened.root):
        land_raw_files(study, still_s)
        for stage in stages(opened.params):
            walk_stage(stage, study)
            if stage == "report":
                check_binding(study)
        keep_version(study, commit, push, keep_versions)
        publish_artifacts(study)

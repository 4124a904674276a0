"""Prefect's settings, put in place before it is imported."""

from __future__ import annotations

import os
from pathlib import Path

#: Silent about usage; patient with a cold start on a busy machine.
SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_CLI_PROMPT": "false",
}


def settings(root: Path) -> dict[str, str]:
    """Settings that hold unless the environment says otherwise.

    Args:
        root: the folder whose ``prefect-home/`` keeps the server's database.
    """
    return {**SETTINGS, "PREFECT_HOME": str(root.resolve() / "prefect-home")}


def prepare(study: Path) -> None:
    """Puts the settings into this process's environment.

    Args:
        study: the study's folder; its DVC repository keeps the database.
    """
    from flows.dvc_cli import find_root

    for name, value in settings(find_root(study)).items():
        os.environ.setdefault(name, value)

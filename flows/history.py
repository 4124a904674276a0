"""What becomes of a run's versions: committed, pushed, and the old ones let go.

A pushed version can be found again only by the ``dvc.lock`` that names it. So a scheduled
run commits ``dvc.lock``, the ``.dvc`` files of the raw data, metrics and plots, and nothing
else.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from flows.dvc_cli import dvc
from mmbind.errors import InputError, MmbindError

#: What a run may commit, relative to the study.
COMMITTED = ("dvc.lock", "data/raw/*.dvc", "data/metrics/*.json", "data/plots/*.csv")
_AUTHOR = ("-c", "user.name=mmbind pipeline", "-c", "user.email=pipeline@localhost")


def commit(root: Path, message: str) -> str | None:
    """Commits what names the run's version.

    Args:
        root: the study's folder.
        message: the commit's message.

    Returns:
        The commit, or None when nothing had changed.

    Raises:
        InputError: when the study lies in no git repository.
        MmbindError: when git refuses.
    """
    try:
        git(["rev-parse", "--show-toplevel"], root)
    except MmbindError:
        raise InputError(f"{root} lies in no git repository.", hint="Set commit to false, or run 'git init'.") from None
    paths = sorted(str(path.relative_to(root)) for pattern in COMMITTED for path in root.glob(pattern))
    git(["add", "--", *paths], root)
    if not git(["diff", "--cached", "--name-only", "--", *paths], root).strip():
        return None
    named = [] if git(["config", "--get-all", "user.email"], root, check=False).strip() else list(_AUTHOR)
    git([*named, "commit", "--quiet", "--message", message, "--", *paths], root)
    return git(["rev-parse", "HEAD"], root).strip()


def push(root: Path) -> bool:
    """Pushes data to the default DVC remote, if there is one.

    Returns:
        Whether there is one.

    Raises:
        DvcError: when the push fails.
    """
    if not default_remote(root):
        return False
    dvc(["push", "--quiet"], root)
    return True


def default_remote(root: Path) -> str:
    """The name of the default DVC remote, empty when none is set."""
    settings = dict(line.split("=", 1) for line in dvc(["config", "--list"], root) if "=" in line)
    return settings.get("core.remote", "")


def forget(root: Path, keep_versions: int) -> None:
    """Removes cached data that the last commits do not name.

    Args:
        root: the study's folder.
        keep_versions: how many commits back from HEAD keep their data, besides the workspace.
    """
    dvc(["gc", "--force", "--quiet", "--workspace", "--rev", "HEAD", "--num", str(keep_versions)], root)


def git(arguments: list[str], root: Path, *, check: bool = True) -> str:
    """Runs git in a study's folder.

    Args:
        arguments: the command line after ``git``.
        root: the folder.
        check: whether a failure raises.

    Returns:
        Its standard output.

    Raises:
        MmbindError: with git's message.
    """
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise MmbindError(f"git {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}.")
    return done.stdout

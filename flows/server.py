"""``mmbind up``: a local Prefect server, a process work pool, its worker, the deployment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from flows.settings import settings
from mmbind.errors import InputError, MmbindError

#: The work pool that prefect.yaml deploys to.
POOL = "mmbind"
#: Seconds that the server may take to answer.
START_S = 120.0


def serve(root: Path, port: int) -> None:
    """Serves until interrupted.

    Args:
        root: the folder with ``prefect.yaml``.
        port: the server's port.

    Raises:
        InputError: when there is no ``prefect.yaml``, or the port is taken.
        MmbindError: when the server, the pool or the deployment fails.
    """
    if not (root / "prefect.yaml").is_file():
        raise InputError(
            f"{root.resolve()} has no prefect.yaml.", hint="Go to the project's folder, or run 'mmbind init'."
        )
    url = f"http://127.0.0.1:{port}"
    if _answers(url):
        raise InputError(f"Something answers at {url} already.", hint="Choose another port with --port.")
    environment = {**settings(root), **os.environ, "PREFECT_API_URL": f"{url}/api"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    with _child(["server", "start", "--host", "127.0.0.1", "--port", str(port)], root, environment) as server:
        _wait(url, server)
        _call(["work-pool", "create", POOL, "--type", "process", "--overwrite"], root, environment)
        _call(["deploy", "--all"], root, environment)
        click.echo(f"UI: {url}")
        click.echo(f"Run it now: PREFECT_API_URL={url}/api prefect deployment run 'pipeline/nightly'")
        click.echo("Stop: Ctrl-C")
        with _child(["worker", "start", "--pool", POOL], root, environment) as worker:
            try:
                while server.poll() is None and worker.poll() is None:
                    time.sleep(0.5)
            except KeyboardInterrupt:
                return
        raise MmbindError("The Prefect server or its worker ended by itself.", hint="Its log stands above.")


@contextmanager
def _child(arguments: list[str], root: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-m", "prefect", *arguments], cwd=root, env=environment)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _call(arguments: list[str], root: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run([sys.executable, "-m", "prefect", *arguments], cwd=root, env=environment, check=False)
    if done.returncode != 0:
        raise MmbindError(f"prefect {' '.join(arguments)} failed with status {done.returncode}.")


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_S
    while not _answers(url):
        if server.poll() is not None:
            raise MmbindError("The Prefect server did not start.", hint="Its log stands above.")
        if time.monotonic() > give_up:
            raise MmbindError(f"The Prefect server did not answer within {START_S:.0f} s.")
        time.sleep(0.3)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=2) as reply:  # noqa: S310 - our own http address
            return bool(reply.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False

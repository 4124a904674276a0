"""Work side by side: all of it is done, errors arrive as they are, nothing outlives the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmbind.errors import InputError, MmbindError
from mmbind.parallel import each


def double(value: int) -> int:
    if value < 0:
        raise InputError(f"{value} is negative.", hint="Take another.")
    return 2 * value


def die(value: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return value


def sleep_in(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def test_one_worker_works_here() -> None:
    assert list(each(double, [3, 1, 2], workers=1)) == [(3, 6), (1, 2), (2, 4)]


def test_an_error_of_a_worker_arrives_whole() -> None:
    with pytest.raises(InputError, match="negative") as caught:
        list(each(double, [1, -1], workers=2))
    assert caught.value.hint == "Take another."


def test_a_killed_worker_is_explained() -> None:
    with pytest.raises(MmbindError, match="set the number of workers to 1"):
        list(each(die, [1, 2], workers=2))


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "from mmbind.parallel import each\n"
        "from tests.unit.test_parallel import sleep_in\n"
        "if __name__ == '__main__':\n"
        f"    list(each(sleep_in, [{str(tmp_path)!r}] * 2, workers=2))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    children = [int(path.name) for path in tmp_path.iterdir()]
    assert len(children) == 2
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_running(child) for child in children)


def _running(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"

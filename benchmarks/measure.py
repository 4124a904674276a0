"""Commands that are run and measured, side by side and in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

#: Runs the command of its arguments and tells its cost. A process of its own, because the peak
#: that Linux tells of a child is at least that of the process which started it (``exec`` hands
#: it on), and the one that measures may be large.
_LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
child = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(child.pid, 0)
seconds = time.perf_counter() - started
child.returncode = os.waitstatus_to_exitcode(status)
with open(sys.argv[1], "w") as stream:
    json.dump([child.returncode, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024], stream)
"""


@dataclass(frozen=True)
class Run:
    """What one run of a command cost.

    Attributes:
        seconds: from start to end, start-up of the program included.
        cpu_seconds: of all its threads and waited-for children.
        peak_bytes: the most memory that was resident at once.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class FailedError(RuntimeError):
    """A measured command did not end well."""


def run(command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Run:
    """Runs a command to its end and measures it (Linux).

    Args:
        command: program and arguments.
        cwd: the folder to run it in.
        env: variables beside those of this process.

    Raises:
        FailedError: when it does not end with 0.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "cost.json"
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(told), *map(str, command)]
        subprocess.run(launcher, cwd=cwd, env={**os.environ, **(env or {})}, check=True)
        code, seconds, cpu_seconds, peak = json.loads(told.read_text())
    if code:
        raise FailedError(f"{' '.join(map(str, command))} ended with {code}.")
    return Run(seconds, cpu_seconds, peak)


def python(module: str, *arguments: str | Path) -> list[str]:
    """The command that runs a module with this interpreter; warnings about the command line stay off."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def in_turn(candidates: Mapping[str, Callable[[], Run]], times: int) -> dict[str, list[Run]]:
    """Measures candidates one after the other, round after round, so that all see the same machine.

    Args:
        candidates: what to run, by name.
        times: rounds.
    """
    runs: dict[str, list[Run]] = {name: [] for name in candidates}
    for _ in range(times):
        for name, start in candidates.items():
            runs[name].append(start())
    return runs


def typical(runs: Sequence[Run]) -> Run:
    """The medians of some runs."""
    return Run(
        median(run.seconds for run in runs),
        median(run.cpu_seconds for run in runs),
        int(median(run.peak_bytes for run in runs)),
    )


def ratio(runs: Sequence[Run], floor: Sequence[Run]) -> float:
    """How many times as long the runs took, pair by pair (one round each), the median of the pairs."""
    return median(mine.seconds / theirs.seconds for mine, theirs in zip(runs, floor, strict=True))

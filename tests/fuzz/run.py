"""Many mutations in worker processes, so that a crash or a hang costs one of them."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.fuzz.judge import RIGHT, WRONG
from tests.fuzz.pieces import Piece, pieces
from tests.fuzz.worker import spoil
from tests.support import ROOT

#: Seconds after which a mutation counts as a hang.
HANG_S = 30.0
#: Seconds that a worker may take to start.
START_S = 120.0


@dataclass(frozen=True)
class Failure:
    """A mutation that did not end well.

    Attributes:
        number: which; with the run's seed it names the bytes.
        piece: the file's name.
        kind: what was done to it.
        why: what went wrong.
    """

    number: int
    piece: str
    kind: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """A run's outcome.

    Attributes:
        counts: how often each piece ended how.
        failures: what did not end well, by number.
    """

    counts: dict[str, Counter[str]]
    failures: list[Failure] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A table for people."""
        heads = [*RIGHT, WRONG]
        rows = [("file", *heads), *((n, *(str(counts[h]) for h in heads)) for n, counts in sorted(self.counts.items()))]
        total = sum(self.counts.values(), Counter())
        rows.append(("all", *(str(total[head]) for head in heads)))
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads) + 1)]
        return [
            "  ".join(
                cell.rjust(w) if at else cell.ljust(w) for at, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]


def fuzz(count: int, *, seed: int = 0, workers: int = 1, only: str = "", keep: Path | None = None) -> Outcome:
    """Reads mutations and judges each.

    Args:
        count: how many; their numbers start at 0.
        seed: decides all of them.
        workers: processes at once; they do not matter for the outcome.
        only: take the pieces whose name contains this.
        keep: folder for the bytes of failures.
    """
    chosen = {name: piece for name, piece in pieces().items() if only in name}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write(chosen, folder)
        chunks = [range(start, count, workers) for start in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            answers = dict(
                pair for part in pool.map(lambda c: list(_answers(c, folder, seed)), chunks) for pair in part
            )
        counts: dict[str, Counter[str]] = {name: Counter() for name in chosen}
        failures = []
        for number, (outcome, why) in sorted(answers.items()):
            name, _, mutation = spoil(number, seed, sorted(chosen), folder)
            counts[name][outcome] += 1
            if outcome == WRONG:
                failures.append(Failure(number, name, mutation.kind, why))
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{number}_{name}").write_bytes(mutation.data)
        return Outcome(counts, failures)


def _write(chosen: dict[str, Piece], folder: Path) -> None:
    for name, piece in chosen.items():
        piece.write(folder / name)


def _answers(numbers: range, folder: Path, seed: int) -> Iterator[tuple[int, tuple[str, str]]]:
    """Outcome and reason by number, from one worker after the other."""
    worker: _Worker | None = None
    try:
        for number in numbers:
            if worker is None:
                worker = _Worker(folder, seed)
            answer, why = worker.ask(f"{number}\n", HANG_S)
            if why:
                worker.close()
                worker = None
            yield number, (WRONG, why) if answer is None else _parsed(answer)
    finally:
        if worker is not None:
            worker.close()


def _parsed(answer: str) -> tuple[str, str]:
    outcome, why = json.loads(answer)
    return str(outcome), str(why)


class _Worker:
    """A worker process."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Starts it.

        Raises:
            RuntimeError: when it does not start.
        """
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", str(folder), str(seed)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        answer, why = self.ask("", START_S)
        if answer != "ready":
            self.close()
            raise RuntimeError(f"A worker did not start: {why or answer}")

    def ask(self, question: str, seconds: float) -> tuple[str | None, str]:
        """Sends a line; returns the answer, or None and what became of the process instead."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("no pipes")
        try:
            self.process.stdin.write(question)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            return None, f"it hung for {seconds:.0f} s."
        answer = self.process.stdout.readline().strip()
        if answer:
            return answer, ""
        code = self.process.wait()
        self.errors.seek(0)
        return None, f"the process ended with {code}: {self.errors.read()[-2000:].decode(errors='replace')}"

    def close(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                stream.close()

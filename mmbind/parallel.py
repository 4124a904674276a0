"""Pieces of work side by side, each in its own process.

Processes are spawned, not forked: a fork would inherit the threads and locks of torch.
A worker ends with its parent, even when the parent is killed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import TypeVar

from mmbind.errors import MmbindError

Request = TypeVar("Request")
Result = TypeVar("Result")


def each(
    work: Callable[[Request], Result], requests: Sequence[Request], *, workers: int
) -> Iterator[tuple[Request, Result]]:
    """Does pieces of work, at most ``workers`` at a time, and yields them as they finish.

    Args:
        work: a function of a module, so that a spawned process can import it.
        requests: its arguments, plain values.
        workers: how many processes; with one, the work is done in this process.

    Raises:
        MmbindError: when a worker was killed (most likely for want of memory).
        Exception: whatever ``work`` raises; what has not begun by then is dropped.
    """
    if workers == 1 or len(requests) < 2:
        for request in requests:
            yield request, work(request)
        return
    context = get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(requests)), mp_context=context, initializer=_settle_in)
    try:
        futures = {pool.submit(work, request): request for request in requests}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise MmbindError(
            "A worker process was killed.",
            hint="Perhaps memory ran out: set the number of workers to 1 and run again; finished work is kept.",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _settle_in() -> None:
    """Prepares a worker: it ends with its parent and leaves the terminal to it."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    if sys.stderr.isatty():
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process lives


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)

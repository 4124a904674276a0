"""Progress that suits its reader: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")
#: Seconds between two plain lines.
PLAIN_EVERY_S = 10.0


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yields the items and shows on stderr how many are done.

    Args:
        items: what to walk.
        what: a few words, e.g. ``"ingest fleet_a: files"``.
        total: how many items there are; taken from ``len(items)`` when None.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(items, description=what, total=total, console=Console(stderr=True), transient=True)
        return
    last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last >= PLAIN_EVERY_S:
            last = time.monotonic()
            print(f"{what}: {done}/{total if total is not None else '?'}", file=sys.stderr, flush=True)

"""Memory that is freed and wanted again at once: kept, not handed back to the system."""

from __future__ import annotations

import ctypes

#: Parameters of glibc's ``mallopt`` (malloc.h): see ``man 3 mallopt``.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: Blocks up to this size are taken from the heap, bytes: where glibc itself arrives once it has
#: seen a block of that size come and go.
LARGEST = 32 << 20


def keep_freed_memory() -> bool:
    """Lets the process keep a few blocks that it frees, for the next ones of their size.

    A batch of windows passes a network in blocks of one or two megabytes. By default glibc
    hands each back when it is freed, and the system clears every page again when the next is
    asked for: on small convolutions that takes as long as the convolutions. Numbers do not
    depend on it; at most twice :data:`LARGEST` bytes stay with the process.

    Returns:
        Whether there is something to set (glibc; elsewhere nothing is done).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(_TRIM_THRESHOLD, 2 * LARGEST))

"""Order: which stamps go on from those before, which fall back, and which leap ahead.

Readings are judged one after the other, each against the latest that was trusted. A stamp
that leaps ahead would turn all that follow into stamps that fall back; so before a stamp is
trusted, the ``AHEAD`` stamps behind it are looked at: when three quarters of them go on, one
after the other, where the stamps before it stopped, it is the one that is wrong.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Fates = npt.NDArray[np.int8]

#: How many stamps are looked at before one is trusted; a quarter of them may disagree.
AHEAD = 16
#: How many at the end of a file are enough to tell a leap.
FEWEST = 4
#: Stamps that may disagree: with one more of them behind it, a stamp is no leap.
DISAGREE = AHEAD // 4
#: Fates: it goes on (or repeats the latest); it falls back; it leaps ahead; the clock was set back to it.
ON, BACK, LEAP, SET_BACK = 0, 1, 2, 3
#: Earlier than any stamp: nothing was trusted yet.
NOTHING = np.iinfo(np.int64).min


def judge(stamps: Times, latest: int, *, split: bool, final: bool) -> tuple[Fates, int]:
    """Judges stamps in the order of the file.

    Args:
        stamps: int64 ns (n,).
        latest: the last stamp that was trusted before them, ``NOTHING`` for none.
        split: whether a stamp that falls back sets the clock back, when the next one follows it.
        final: whether no stamp comes after them.

    Returns:
        Fates of the first m <= n, int8 (m,), and the latest that is trusted now. What lies
        behind them is not decided before more stamps are known; fates do not depend on how
        the stamps are cut into calls.
    """
    if len(stamps) and stamps[0] >= latest and (stamps[1:] >= stamps[:-1]).all():
        settled = len(stamps) if final else max(len(stamps) - DISAGREE - 1, 0)
        return np.zeros(settled, dtype=np.int8), int(stamps[settled - 1]) if settled else latest
    fates = np.zeros(len(stamps), dtype=np.int8)
    settled, trusted = _compiled()(np.array(stamps), latest, split, final, fates)
    return fates[:settled], int(trusted)


class _Judge(Protocol):
    def __call__(self, stamps: Times, latest: int, split: bool, final: bool, fates: Fates) -> tuple[int, int]: ...


@cache
def _compiled() -> _Judge:
    """The loop, compiled; only files whose stamps are not in order need it."""
    from numba import njit

    compiled: _Judge = njit(cache=True)(_judge)
    return compiled


def _judge(stamps: Times, latest: int, split: bool, final: bool, fates: Fates) -> tuple[int, int]:
    """Fills ``fates``; returns how many are settled, and the latest trusted stamp."""
    count = len(stamps)
    for i in range(count):
        stamp = stamps[i]
        if stamp < latest:
            if not split:
                fates[i] = BACK
                continue
            if i + 1 == count and not final:
                return i, latest
            if i + 1 == count or stamps[i + 1] >= latest:
                fates[i] = BACK
            else:
                fates[i] = SET_BACK
                latest = stamp
        elif stamp > latest:
            resume, disagree, j = 0, 0, i + 1
            while j < count and j <= i + AHEAD and disagree <= DISAGREE:
                if latest <= stamps[j] < stamp and (j == i + 1 or stamps[j] >= stamps[j - 1]):
                    resume += 1
                else:
                    disagree += 1
                j += 1
            if disagree > DISAGREE:
                latest = stamp
            elif j > i + AHEAD:
                fates[i] = LEAP
            elif not final:
                return i, latest
            elif resume >= FEWEST and 3 * disagree <= resume:
                fates[i] = LEAP
            else:
                latest = stamp
    return count, latest

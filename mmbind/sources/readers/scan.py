"""Where the lines of a block end, and how often a byte stands in each.

Billions of bytes go through here, so counts are told from single bits: one bit per byte says whether
it is the one that is counted, whole words of bits are counted at once, and only the word in which a
line ends is looked into.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

#: Code of the byte that ends lines.
NEWLINE = 0x0A
#: Bits of a word.
_WORD = 64


class Scan(NamedTuple):
    """What was found.

    Attributes:
        stops: where each line's newline stands, int64 (lines,).
        counts: how often the byte stands in each line, int64 (lines,).
    """

    stops: Integers
    counts: Integers


def scan(values: Bytes, byte: int) -> Scan:
    """Finds the lines of a block and counts a byte in them.

    Args:
        values: whole lines, each ended by a newline, uint8 (n,).
        byte: the code of the byte to count.
    """
    stops = np.flatnonzero(values == NEWLINE)
    return Scan(stops, np.diff(_before(values == byte, stops), prepend=0))


def _before(flags: npt.NDArray[np.bool_], places: Integers) -> Integers:
    """How many flags are set before each place, int64; like ``cumsum``, but for the places alone."""
    bits = np.packbits(flags, bitorder="little")
    words = np.concatenate([bits, np.zeros(-len(bits) % 8 + 8, np.uint8)]).view("<u8")
    until = np.concatenate([[0], np.cumsum(np.bitwise_count(words), dtype=np.int64)])
    number, place = places // _WORD, (places % _WORD).astype(np.uint64)
    inside = words[number] & ((np.uint64(1) << place) - np.uint64(1))
    before: Integers = until[number] + np.bitwise_count(inside)
    return before

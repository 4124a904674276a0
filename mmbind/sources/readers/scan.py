"""Where the lines of a block end, and how often a byte stands in each.

Billions of bytes go through here, so counts are told from single bits: one bit per byte says whether
it is the one that is counted, whole words of bits are counted at once, and only the word in which a
line ends is looked into. The bytes are gone through in pieces that stay in a core's cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

#: Code of the byte that ends lines.
NEWLINE = 0x0A
#: Bits of a word, and the power of two that they are.
_WORD, _POWER = 64, 6
#: Bytes that are looked at together: whole words.
PIECE = 1 << 18


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
    flags = np.empty(min(PIECE, len(values)), dtype=np.bool_)
    stops, bits = [np.empty(0, np.int64)], np.zeros((len(values) // _WORD + 1) * (_WORD // 8), np.uint8)
    for start in range(0, len(values), PIECE):
        piece = values[start : start + PIECE]
        mine = flags[: len(piece)]
        stops.append(np.flatnonzero(np.equal(piece, NEWLINE, out=mine)) + start)
        packed = np.packbits(np.equal(piece, byte, out=mine), bitorder="little")
        bits[start // 8 : start // 8 + len(packed)] = packed
    ends = np.concatenate(stops)
    return Scan(ends, np.diff(_before(bits.view("<u8"), ends), prepend=0))


def count_up_to(values: Bytes, code: int) -> int:
    """How many bytes have at most a code."""
    flags, count = np.empty(min(PIECE, len(values)), dtype=np.bool_), 0
    for start in range(0, len(values), PIECE):
        piece = values[start : start + PIECE]
        count += int(np.count_nonzero(np.less_equal(piece, code, out=flags[: len(piece)])))
    return count


def _before(words: npt.NDArray[np.uint64], places: Integers) -> Integers:
    """How many bits are set before each place, int64; like ``cumsum``, but for the places alone."""
    until = np.concatenate([[0], np.cumsum(np.bitwise_count(words), dtype=np.int64)])
    number, place = places >> _POWER, (places & (_WORD - 1)).astype(np.uint64)
    inside = words[number] & ((np.uint64(1) << place) - np.uint64(1))
    before: Integers = until[number] + np.bitwise_count(inside)
    return before

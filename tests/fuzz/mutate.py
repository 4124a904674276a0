"""Mutations of a file's bytes, each named by a seed and a number."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

#: Bytes that formats give a meaning to.
_TELLING = b"\0\x01\x7f\x80\xff\n\r\t ,;:.\"'#-+eE0189{}[]\\/naf\xc3\xe2\xed"
#: Numbers that lengths, counts and offsets break at.
_NUMBERS = [0, 1, 2, 127, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1]
#: Bytes that a span has at most.
_SPAN = 64


@dataclass(frozen=True)
class Mutation:
    """A spoilt file.

    Attributes:
        data: its bytes.
        kind: what was done.
        at: where.
        single: whether just one byte was changed, at ``at``, and no more.
    """

    data: bytes
    kind: str
    at: int
    single: bool = False


def mutate(data: bytes, draw: random.Random) -> Mutation:
    """Spoils a file, in one way or sometimes in a few.

    Args:
        data: its bytes, at least one.
        draw: decides everything.
    """
    if draw.random() < 0.6:
        return draw.choice(_SINGLE)(data, draw)
    mutation = draw.choice(_KINDS)(data, draw)
    for _ in range(draw.choice([0, 0, 0, 1, 4])):
        following = draw.choice([*_SINGLE, *_KINDS])(mutation.data or b"\0", draw)
        mutation = Mutation(following.data, f"{mutation.kind}, {following.kind}", mutation.at)
    return mutation


def _flip(data: bytes, draw: random.Random) -> Mutation:
    at = draw.randrange(len(data))
    return _replaced(data, at, data[at] ^ 1 << draw.randrange(8), "flip")


def _set(data: bytes, draw: random.Random) -> Mutation:
    at = draw.randrange(len(data))
    return _replaced(data, at, draw.choice([draw.choice(_TELLING), draw.randrange(256)]), "set")


def _set_early(data: bytes, draw: random.Random) -> Mutation:
    """As :func:`_set`, in the first bytes: headers lie there."""
    at = draw.randrange(min(len(data), 256))
    return _replaced(data, at, draw.choice(_TELLING), "set early")


def _replaced(data: bytes, at: int, byte: int, kind: str) -> Mutation:
    return Mutation(data[:at] + bytes([byte]) + data[at + 1 :], kind, at, single=True)


def _insert(data: bytes, draw: random.Random) -> Mutation:
    at = draw.randrange(len(data) + 1)
    more = bytes(draw.choice(_TELLING) for _ in range(draw.randrange(1, 9)))
    return Mutation(data[:at] + more + data[at:], "insert", at)


def _delete(data: bytes, draw: random.Random) -> Mutation:
    at, size = draw.randrange(len(data)), draw.randrange(1, _SPAN)
    return Mutation(data[:at] + data[at + size :], "delete", at)


def _repeat(data: bytes, draw: random.Random) -> Mutation:
    at, size = draw.randrange(len(data)), draw.randrange(1, _SPAN)
    return Mutation(data[: at + size] + data[at:], "repeat", at)


def _move(data: bytes, draw: random.Random) -> Mutation:
    at, to, size = draw.randrange(len(data)), draw.randrange(len(data)), draw.randrange(1, _SPAN)
    piece, rest = data[at : at + size], data[:at] + data[at + size :]
    return Mutation(rest[:to] + piece + rest[to:], "move", at)


def _cut(data: bytes, draw: random.Random) -> Mutation:
    at = draw.randrange(len(data))
    return Mutation(data[:at], "cut", at)


def _number(data: bytes, draw: random.Random) -> Mutation:
    at, size = draw.randrange(len(data)), draw.choice([2, 4, 8])
    number = draw.choice(_NUMBERS) % 256**size
    return Mutation(data[:at] + number.to_bytes(size, draw.choice(["little", "big"])) + data[at + size :], "number", at)


def _blank(data: bytes, draw: random.Random) -> Mutation:
    at, size = draw.randrange(len(data)), draw.choice([8, 64, 512, 4096])
    filling = bytes([draw.choice([0, 0xFF, 0x20])]) * len(data[at : at + size])
    return Mutation(data[:at] + filling + data[at + size :], "blank", at)


_Kind = Callable[[bytes, random.Random], Mutation]
_SINGLE: list[_Kind] = [_flip, _set, _set_early]
_KINDS: list[_Kind] = [_insert, _delete, _repeat, _move, _cut, _number, _blank]

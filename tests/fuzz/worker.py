"""A process that reads spoilt files, number by number, until something kills it."""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import warnings
from pathlib import Path

from tests.fuzz.judge import judge, read_all
from tests.fuzz.mutate import Mutation, mutate
from tests.fuzz.pieces import Piece, pieces

#: Bytes of memory that a worker may ask for.
MEMORY = 8 << 30


def spoil(number: int, seed: int, names: list[str], folder: Path) -> tuple[str, bytes, Mutation]:
    """The mutation of a number: the piece's name, its bytes before, and the mutation.

    Args:
        number: which.
        seed: of the whole run.
        names: all pieces; they take turns.
        folder: where their files lie.
    """
    name = names[number % len(names)]
    whole = (folder / name).read_bytes()
    return name, whole, mutate(whole, random.Random(f"{seed}:{number}"))  # noqa: S311


def main() -> None:
    """Takes a number per line from stdin and answers with a JSON object per line."""
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    known: dict[str, Piece] = {name: piece for name, piece in pieces().items() if (folder / name).is_file()}
    names = sorted(known)
    before = {name: read_all(folder / name, piece) for name, piece in known.items()}
    with tempfile.TemporaryDirectory() as place:
        print("ready", flush=True)
        for line in sys.stdin:
            name, whole, mutation = spoil(int(line), seed, names, folder)
            outcome, why = judge(Path(place), known[name], whole, before[name], mutation)
            print(json.dumps([outcome, why]), flush=True)


if __name__ == "__main__":
    main()

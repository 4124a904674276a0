"""Texts of lines whose fate is open, asked of their blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

#: Gives the raw text of some lines (int64, repeats allowed) of a block.
Raw = Callable[[pl.Series], pl.Series]


class Texts:
    """Raw text by line, over some blocks of a file."""

    def __init__(self) -> None:
        """Knows no line yet."""
        self._blocks: list[tuple[int, Raw]] = []

    def add(self, first: int, raw: Raw) -> None:
        """Adds a block behind those before.

        Args:
            first: its first line.
            raw: gives the text of its lines.
        """
        self._blocks.append((first, raw))

    def of(self, lines: pl.Series) -> pl.Series:
        """The text of some lines (int64, ascending, repeats allowed), as ``raw``."""
        edges = np.searchsorted(lines.to_numpy(), [first for first, _ in self._blocks[1:]]).tolist()
        pieces = [
            raw(lines.slice(begin, end - begin)).alias("raw")
            for (_, raw), begin, end in zip(self._blocks, [0, *edges], [*edges, len(lines)], strict=True)
            if end > begin
        ]
        return pl.concat(pieces)

    def keep(self, first: int | None) -> None:
        """Lets the blocks go that end before a line; all for None."""
        over = len(self._blocks) if first is None else sum(block <= first for block, _ in self._blocks[1:])
        del self._blocks[:over]

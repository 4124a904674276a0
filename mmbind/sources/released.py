"""Released readings on their way through ingest: corrected lines read, released ones put in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from mmbind.config import DelimitedReader, JsonlReader, ModalitySource, Source, TimestampClock
from mmbind.schema import empty
from mmbind.sources.readers import OpenFile
from mmbind.sources.readers.encodings import CARRIAGE_RETURN, LINE_FEED
from mmbind.sources.readers.lines import LineBlock, line_blocks
from mmbind.sources.readers.streams import packed
from mmbind.sources.releases import PLACED
from mmbind.sources.rules import DUPLICATE_TIME
from mmbind.sources.sift import ASIDE, Sifted, Sifter
from mmbind.sources.sound import split_sound
from mmbind.sources.table import Block, RawFile
from mmbind.sources.texts import Raw


def open_corrected(
    open_file: OpenFile,
    path: Path,
    source: Source,
    modalities: Mapping[str, ModalitySource],
    corrected: Mapping[int, str],
) -> RawFile:
    """Opens a file as if some of its lines were others.

    The reader sees a copy in a temporary folder, which goes when the blocks are consumed.

    Args:
        open_file: the format's reader.
        path: the file.
        source: its source.
        modalities: what to take from it.
        corrected: texts by line; without any, the file itself is opened.

    Raises:
        FileProblem: when the reader raises it.
    """
    if not corrected:
        return open_file(path, source, modalities)
    folder = TemporaryDirectory(prefix="mmbind-")
    copy = Path(folder.name) / (path.stem if packed(path) else path.name)
    originals: dict[int, bytes] = {}
    with copy.open("wb") as stream:
        for lines in text_blocks(path, source):
            if lines.cut:
                folder.cleanup()
                return open_file(path, source, modalities)
            stream.write(_exchanged(lines, corrected, originals))
    raw = open_file(copy, source, modalities)
    return replace(raw, blocks=_as_logged(raw, originals, folder))


def text_blocks(path: Path, source: Source) -> Iterator[LineBlock]:
    """The lines of a text file as its source's reader counts them; none of a format without lines."""
    if isinstance(source.reader, DelimitedReader):
        end = CARRIAGE_RETURN if source.reader.newline == "cr" else LINE_FEED
        yield from line_blocks(path, codec=source.reader.encoding, end=end)
    elif isinstance(source.reader, JsonlReader):
        yield from line_blocks(path)


def _exchanged(lines: LineBlock, corrected: Mapping[int, str], originals: dict[int, bytes]) -> bytes:
    """A block's bytes with corrected lines in place; what stood there is added to ``originals``."""
    mine = sorted(line for line in corrected if lines.first <= line < lines.first + len(lines.stops))
    if not mine:
        return lines.source
    encoding = lines.encoding
    codec = encoding.codec
    width, ends = encoding.unit.itemsize, encoding.ends(lines.source).tolist()
    starts, stops = [0, *(end + width for end in ends)], [*ends, len(lines.source)]
    pieces, at = [], 0
    for line in mine:
        start, stop = starts[line - lines.first], stops[line - lines.first]
        originals[line] = lines.source[start:stop]
        mark = encoding.mark if line == 1 and originals[line].startswith(encoding.mark) else b""
        after = "\r".encode(codec) if encoding.end == LINE_FEED else b""
        tail = after if after and originals[line].endswith(after) else b""
        pieces += [lines.source[at:start], mark, corrected[line].encode(codec, errors="replace"), tail]
        at = stop
    return b"".join([*pieces, lines.source[at:]])


def _as_logged(raw: RawFile, originals: Mapping[int, bytes], folder: TemporaryDirectory[str]) -> Iterator[Block]:
    """Blocks whose lines' own bytes are those of the file, whatever they were read as."""
    with folder:
        for block in raw.blocks:
            yield replace(block, raw=_restoring(block.raw, originals))


def _restoring(raw: Raw, originals: Mapping[int, bytes]) -> Raw:
    def restored(lines: pl.Series) -> pl.Series:
        texts = [originals.get(line, text) for line, text in zip(lines, raw(lines), strict=True)]
        return pl.Series(texts, dtype=pl.Binary)

    return restored


class PlacingSifter(Sifter):
    """A sifter that puts released readings where their time puts them.

    All readings are judged as ever; those that are set aside for their time, and released,
    go between the others when the file ends. Until then it holds the modality's readings. A
    released reading whose time is that of another one stays aside.
    """

    def __init__(self, spec: ModalitySource, channels: Sequence[str], max_gap_s: float, lines: Sequence[int]) -> None:
        """Starts a file.

        Args:
            spec: the modality; clock and unit.
            channels: names of its channels.
            max_gap_s: the longest time between readings that belong together.
            lines: lines of released readings.
        """
        super().__init__(spec, channels, max_gap_s)
        self._lines, self._modality, self._names = list(lines), spec, list(channels)
        self._kept: list[pl.DataFrame] = []
        self._sound: list[pl.DataFrame] = []
        self._aside: list[pl.DataFrame] = []
        #: How many released readings were kept; complete once the file is finished.
        self.released = 0

    def push(self, readings: pl.DataFrame, raw: Raw) -> Sifted:
        """Takes the next block; see :meth:`Sifter.push`. Nothing is kept before the end."""
        mine = readings.filter(pl.col("line").is_in(self._lines))
        self._sound.append(split_sound(mine, self._modality, self._names)[0])
        return self._hold(super().push(readings, raw))

    def finish(self) -> Sifted:
        """Takes the end of the file: released readings go between the others."""
        rest = self._hold(super().finish())
        kept = pl.concat(self._kept, how="diagonal")
        mine = pl.concat([empty(ASIDE), *self._aside]).unique("line", keep="first")
        names = {f"v{number}": name for number, name in enumerate(self._names)}
        sound = [frame.rename(names).drop("batch", strict=False) for frame in self._sound]
        placed = pl.concat(sound).join(mine, on="line") if sound else kept.clear()
        every = pl.concat([kept, placed], how="diagonal").sort("t_ns", maintain_order=True)
        again = every["t_ns"].diff().fill_null(1) == 0
        reason = pl.format("it is released, but its time {} ns is that of another reading.", "t_ns").alias("reason")
        lost = every.filter(again).with_columns(pl.lit(DUPLICATE_TIME).alias("rule"), reason)
        every = every.filter(~again)
        self.released = placed.height - lost.height
        return Sifted(
            kept=every.select("t_ns", *self._names),
            labels=every["label"] if "label" in every.columns else None,
            turns=None,
            aside=pl.concat([rest.aside, lost.select(*ASIDE)]) if lost.height else rest.aside,
        )

    def _hold(self, sifted: Sifted) -> Sifted:
        """Holds what is kept and what is released; returns the rest of what is set aside."""
        label = [] if sifted.labels is None else [sifted.labels.alias("label")]
        self._kept.append(sifted.kept.with_columns(label))
        mine = sifted.aside["line"].is_in(self._lines) & sifted.aside["rule"].is_in(PLACED)
        self._aside.append(sifted.aside.filter(mine))
        nothing = pl.DataFrame(schema={"t_ns": pl.Int64, **dict.fromkeys(self._names, pl.Float32)})
        return Sifted(nothing, None, None, sifted.aside.filter(~mine))


def sifter_for(spec: ModalitySource, channels: Sequence[str], max_gap_s: float, lines: Sequence[int]) -> Sifter:
    """The sifter of a modality of one file.

    Args:
        spec: the modality; clock and unit.
        channels: names of its channels.
        max_gap_s: the longest time between readings that belong together.
        lines: lines of released readings; those of a clock that may be set back have no
            place of their own and are sifted like all others.
    """
    split = isinstance(spec.clock, TimestampClock) and spec.clock.backward == "split"
    return PlacingSifter(spec, channels, max_gap_s, lines) if lines and not split else Sifter(spec, channels, max_gap_s)

"""JSON lines: a reading per line, or a batch of readings per line.

Fields are named by dotted paths (``acc.x``). A line that has none of a modality's fields is
no reading of it; a line that has none of any modality is broken. In the long layout a line
is a reading of the sensor that it names. Numbers must be JSON numbers: texts and truth
values are not turned into some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmbind.config import BatchClock, JsonlReader, ModalitySource, Source
from mmbind.sources.readers.fields import Keys, UnfitError, dotted, keys_of, label_text, leaves, pick, record_of
from mmbind.sources.readers.json_readings import Fields, Readings, take_batch, take_reading
from mmbind.sources.readers.lines import LineBlock, data_lines, line_blocks
from mmbind.sources.table import Block, RawFile, Sensors, broken_frame, lacking, time_column


@dataclass
class _File:
    """A file while it is read.

    Attributes:
        modalities: what to take from it.
        batches: whether a line is a batch.
        sensor: path of the sensor's name in the long layout, else None.
        sensors: counts lines by sensor there.
        known: fields of the first line, and of those that have no field of any modality.
    """

    modalities: dict[str, Fields]
    batches: bool
    sensor: Keys | None
    sensors: Sensors
    known: dict[str, None] = field(default_factory=dict)

    def block(self, lines: LineBlock) -> Block | None:
        """Takes lines apart; None when no modality has a reading in them."""
        columns = {name: Readings([[] for _ in modality.values]) for name, modality in self.modalities.items()}
        broken: list[tuple[str | None, int, str]] = []
        read = dict.fromkeys(self.modalities, 0)
        for index in data_lines(lines).nonzero()[0].tolist():
            text, number = lines.line(index), lines.first + index
            if not text.strip() and not lines.cut:
                continue
            try:
                counts = self._take(text, lines.cut, number, columns, broken)
            except UnfitError as error:
                broken.append((None, number, str(error)))
                counts = dict.fromkeys(self.modalities, 1)
            for name, count in counts.items():
                self.modalities[name].row += count
                self.sensors.rows[name] += count
                read[name] += count
        if not any(read.values()):
            return None
        frames = {name: columns[name].frame(each, self.batches) for name, each in self.modalities.items()}
        return Block(frames, broken_frame(broken), read, lines.raw)

    def _take(
        self,
        text: bytes,
        cut: str,
        line: int,
        columns: Mapping[str, Readings],
        broken: list[tuple[str | None, int, str]],
    ) -> dict[str, int]:
        """Takes a line; returns how many readings it holds, by modality.

        Raises:
            UnfitError: when it holds none of any modality, and should.
        """
        if cut:
            raise UnfitError(cut)
        record = record_of(text)
        if not self.known:
            self.known.update(dict.fromkeys(leaves(record)))
        asked = list(self.modalities) if self.sensor is None else self._of_sensor(record, self.sensor)
        counts = {}
        for name in asked:
            take = take_batch if self.batches else take_reading
            try:
                counts[name] = take(record, line, self.modalities[name], columns[name])
            except UnfitError as error:
                broken.append((name, line, str(error)))
                counts[name] = 1
            if self.sensor is not None and not counts[name]:
                broken.append((name, line, "the line has no field of its sensor's modality."))
                counts[name] = 1
        if self.sensor is None and not any(counts.values()):
            self.known.update(dict.fromkeys(leaves(record)))
            raise UnfitError("the line has no field of any modality, or an empty batch.")
        return counts

    def _of_sensor(self, record: dict[str, Any], path: Keys) -> list[str]:
        """The modalities of the sensor that a line names; a sensor of none is counted."""
        sensor = label_text(pick(record, path))
        if not sensor:
            raise UnfitError(f"the line names no sensor (field {dotted(path)!r}).")
        found = [name for name, wanted in self.sensors.wanted.items() if wanted == sensor]
        if not found:
            self.sensors.passed[sensor] = self.sensors.passed.get(sensor, 0) + 1
        return found

    def missing(self) -> dict[str, str]:
        """After the last line: the modalities that no line had, or not wholly, with the reason."""
        found = {} if self.sensor is None else self.sensors.find_missing()
        for name, modality in self.modalities.items():
            needed = [*modality.values, *([] if modality.time is None else [modality.time])]
            lost = next((keys for keys in needed if keys not in modality.seen), None)
            if lost is not None and self.known:
                found.setdefault(name, lacking(dotted(lost), list(self.known)))
        return found

    def unlabelled(self) -> list[str]:
        """After the last line: why there are no labels."""
        labels = {modality.label for modality in self.modalities.values() if modality.label is not None}
        unseen = labels.difference(*(modality.seen for modality in self.modalities.values()))
        return [lacking(dotted(keys), list(self.known)) for keys in sorted(unseen) if self.known]


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a JSON lines file, unpacked when its name ends in ``.gz`` or ``.zst``.

    Args:
        path: the file.
        source: its source; the layout and the label's field.
        modalities: what to take from it.
    """
    if not isinstance(source.reader, JsonlReader):
        raise TypeError(source.reader)
    label, sensor = source.labels.column, source.reader.sensor_column
    found = {
        name: Fields(
            values=[keys_of(column) for column in spec.columns],
            time=None if (time := time_column(spec)) is None else keys_of(time),
            label=None if label is None else keys_of(label),
            one_time=isinstance(spec.clock, BatchClock),
        )
        for name, spec in modalities.items()
    }
    file = _File(
        modalities=found,
        batches=source.reader.layout == "batch",
        sensor=None if sensor is None else keys_of(sensor),
        sensors=Sensors.of(modalities),
    )
    raw = RawFile([], passed=file.sensors.passed)
    return RawFile(_blocks(path, file, raw), raw.missing, raw.unlabelled, raw.passed)


def _blocks(path: Path, file: _File, raw: RawFile) -> Iterator[Block]:
    """The file's blocks; what no line had is put into ``raw`` at the end."""
    for lines in line_blocks(path):
        block = file.block(lines)
        if block is not None:
            yield block
    raw.missing.update(file.missing())
    raw.unlabelled.extend(file.unlabelled())

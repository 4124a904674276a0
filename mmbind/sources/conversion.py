"""From values as logged to channels in SI units: zero, scale, unit, axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import ModalitySource, Source
from mmbind.errors import InputError, nearest
from mmbind.units import unit


@dataclass(frozen=True)
class Channel:
    """Where one channel's values come from: value in SI = logged x factor + shift.

    Attributes:
        name: the channel.
        column: which of the modality's columns.
        factor: unit, scale and sign in one.
        shift: unit, offset and sign in one.
    """

    name: str
    column: int
    factor: float
    shift: float

    def converted(self, logged: pl.Series) -> npt.NDArray[np.float32]:
        """Values as logged (float64) in SI, as float32: NaN where there is none, infinite beyond 32 bits."""
        values = logged.cast(pl.Float64).to_numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = values * self.factor if self.factor != 1 else values
            return (scaled + self.shift if self.shift else scaled).astype(np.float32)

    @property
    def logged(self) -> str:
        """The column's name in a frame of readings."""
        return f"v{self.column}"


def channels_of(spec: ModalitySource, names: Sequence[str]) -> list[Channel]:
    """The channels of a modality whose axes are those of one device.

    Args:
        spec: the modality, see :func:`as_worn`.
        names: its channel names.
    """
    logged = unit(spec.unit)
    axes = spec.frames.get("", list(names))
    scales = _per_column(spec.scale, len(names))
    zeros = _per_column(spec.offset, len(names))
    channels = []
    for name, axis in zip(names, axes, strict=True):
        column = list(names).index(axis.removeprefix("-"))
        sign = -1.0 if axis.startswith("-") else 1.0
        factor = sign * scales[column] * logged.factor
        shift = sign * logged.shift - zeros[column] * factor
        channels.append(Channel(name, column, factor, shift + 0.0))
    return channels


def as_worn(source: Source, device: str | None, placement: str | None) -> Source:
    """The source with the axes of one device or placement in place of mappings of them.

    Args:
        source: its configuration.
        device: which device, None when unknown; it wins over the placement.
        placement: where it was worn, None when unknown.
    """
    mapped = {name: spec for name, spec in source.modalities.items() if isinstance(spec.axes, dict)}
    if not mapped:
        return source
    chosen = {
        name: spec.model_copy(
            update={"axes": spec.frames.get(device or "", []) or spec.frames.get(placement or "", [])}
        )
        for name, spec in mapped.items()
    }
    return source.model_copy(update={"modalities": {**source.modalities, **chosen}})


def check_frames(source: Source, name: str, worn: set[str]) -> None:
    """Refuses axes of a device or placement that no recording has.

    Args:
        source: its configuration.
        name: the source's name.
        worn: devices and placements of all recordings.

    Raises:
        InputError: with the nearest device or placement.
    """
    for modality, spec in source.modalities.items():
        for device in spec.frames:
            if device and device not in worn:
                raise InputError(
                    f"sources.{name}.modalities.{modality}.axes: no recording has the device or placement {device!r}.",
                    hint=nearest(device, sorted(worn)),
                )


def _per_column(numbers: float | list[float], count: int) -> list[float]:
    return numbers if isinstance(numbers, list) else [numbers] * count

"""What a source's manifest states of its modalities: unit, channels, and how they came to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmbind.config import BatchClock, ModalitySource, SampleClock, Source
from mmbind.files import canonical_json
from mmbind.sources.derive.kinds import channels_of, unit_of
from mmbind.units import unit


def stated(source: Source, name: str, channels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A modality's entry in the manifest.

    Args:
        source: its configuration.
        name: a modality that has records, see ``Source.offered``.
        channels: channel names by modality that is read.

    Returns:
        channels, unit (SI), rate_hz (stated or nominal; None where the clock tells none); ``logged`` (unit, scale,
        offset, axes) of one that was read, or ``derived`` (its section of the configuration).
    """
    derived = source.derived.get(name)
    if derived is None:
        spec = source.modalities[name]
        entry = {"channels": list(channels[name]), "unit": unit(spec.unit).si, "logged": _as_logged(spec)}
    else:
        spec = source.modalities[derived.base]
        entry = {
            "channels": channels_of(derived, channels[derived.base]),
            "unit": unit_of(derived, unit(spec.unit).si),
            "derived": derived.model_dump(mode="json"),
        }
    clock = spec.clock
    rate = clock.rate_hz if isinstance(clock, SampleClock | BatchClock) else clock.nominal_hz
    return {**entry, "rate_hz": rate}


def columns_of(entry: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What the columns of a modality's records say of themselves, as metadata of their fields.

    Args:
        entry: the modality's, see :func:`stated`.

    Returns:
        Per column its unit; per channel also ``logged`` or ``derived``, as JSON.
    """
    origin = {key: canonical_json(entry[key]) for key in ("logged", "derived") if key in entry}
    return {"t_ns": {"unit": "ns"}, **{name: {"unit": entry["unit"], **origin} for name in entry["channels"]}}


def _as_logged(spec: ModalitySource) -> dict[str, Any]:
    """What a column of the log means."""
    return {"unit": spec.unit, "scale": spec.scale, "offset": spec.offset, "axes": spec.axes}

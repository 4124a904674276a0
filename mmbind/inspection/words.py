"""The words of sensor logs: what people call modalities, axes, times, units and people."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Words by modality, most telling first.
MODALITIES: dict[str, tuple[str, ...]] = {
    "acc": ("acceleration", "accelerometer", "accel", "acc", "adxl", "a"),
    "gyro": ("gyroscope", "gyro", "gyr", "angular", "rotation", "omega", "itg", "g", "w"),
    "mag": ("magnetometer", "magnetic", "magneto", "magnet", "mag", "compass", "m"),
    "orientation": ("orientation", "quaternion", "quat", "ori", "attitude", "euler", "q"),
    "gravity": ("gravity", "grav"),
    "skeleton": ("skeleton", "skel", "joints", "pose"),
    "imu": ("inertial", "imu", "iner", "motion"),
    "temperature": ("temperature", "temp"),
    "pressure": ("pressure", "barometer", "baro"),
    "light": ("light", "illuminance", "lux"),
    "humidity": ("humidity", "hum"),
    "heart": ("heartrate", "heart", "hr", "bpm", "ppg", "pulse"),
    "sound": ("sound", "noise", "loudness"),
    "co2": ("co2", "co", "carbon"),
    "ecg": ("ecg", "ekg"),
    "emg": ("emg",),
    "eda": ("eda", "gsr"),
}
#: One letter names a sensor only beside an axis: ``ax``, ``g_y``.
LETTERS = frozenset("agmwq")
#: Words before a sensor's that make another modality of it.
MODIFIERS = ("vertical", "linear", "lin", "user", "raw", "uncalibrated", "calibrated", "horizontal")
#: Channel by the word for an axis.
AXES = {"x": "x", "y": "y", "z": "z", "w": "w", "s": "w", "i": "x", "j": "y", "k": "z"} | {
    "azimuth": "azimuth",
    "yaw": "yaw",
    "heading": "yaw",
    "pitch": "pitch",
    "roll": "roll",
}
#: Words of a time column.
TIMES = ("timestamp", "time", "epoch", "datetime", "date", "ts", "t", "millis", "micros", "seconds", "elapsed", "clock")
#: Words of a label column.
LABELS = ("label", "activity", "class", "gesture", "behaviour", "behavior", "annotation", "action", "state", "posture")
#: Words of a column that names sensors.
SENSOR_COLUMNS = ("sensor", "type", "kind", "channel", "source", "name", "modality", "stream")
#: Words before numbers in paths.
SUBJECTS = (
    "s",
    "sub",
    "subj",
    "subject",
    "u",
    "user",
    "p",
    "person",
    "participant",
    "sa",
    "se",
    "id",
    "patient",
    "vol",
)
SESSIONS = ("r", "t", "trial", "run", "rep", "session", "sess", "take", "rec", "recording", "seq")
ACTIVITIES = ("a", "act", "activity", "task", "adl", "exercise", "e", "label", "class", "gesture", "d", "f")
#: Names of devices and of places on the body in paths.
DEVICES = ("phone", "smartphone", "watch", "smartwatch", "band", "tag", "node", "sp", "sw")
PLACES = (
    "wrist",
    "waist",
    "ankle",
    "chest",
    "thigh",
    "hip",
    "head",
    "pocket",
    "left",
    "right",
    "arm",
    "leg",
    "back",
    "ear",
)
#: Units as people write them, by our name.
UNITS = {
    "m/s2": ("m/s2", "m/s^2", "m/s²", "ms-2", "m/s/s", "mps2", "ms2"),
    "g": ("g", "gs", "gee"),
    "mg": ("mg", "milli-g"),
    "rad/s": ("rad/s", "rads", "rps", "rad/sec", "rad s-1"),
    "deg/s": ("deg/s", "dps", "°/s", "deg/sec", "degrees/s", "degree/s"),
    "uT": ("ut", "µt", "μt", "microtesla"),
    "nT": ("nt", "nanotesla"),
    "mT": ("mt",),
    "gauss": ("gauss", "gs"),
    "deg": ("deg", "degrees", "degree", "°"),
    "rad": ("rad", "radians"),
    "degC": ("c", "°c", "degc", "celsius"),
    "K": ("k", "kelvin"),
    "hPa": ("hpa", "mbar"),
    "Pa": ("pa",),
    "kPa": ("kpa",),
    "lx": ("lx", "lux"),
    "%": ("%", "percent"),
    "ppm": ("ppm",),
    "bpm": ("bpm",),
    "V": ("v", "volt"),
    "mV": ("mv",),
}
#: Units of time as people write them.
TIME_UNITS = {
    "ns": ("ns", "nano", "nanos", "nanoseconds", "nanosecond"),
    "us": ("us", "µs", "micro", "micros", "microseconds"),
    "ms": ("ms", "milli", "millis", "milliseconds", "msec"),
    "s": ("s", "sec", "secs", "seconds", "second"),
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[°µμ²]")
_BRACKETS = re.compile(r"[(\[{]([^)\]}]*)[)\]}]")


def words(name: str) -> list[str]:
    """The words of a name, lower case: ``accX_raw`` is acc, x, raw; what stands in brackets is no word of it."""
    return [word.lower() for word in _WORD.findall(_BRACKETS.sub(" ", name))]


def split_axis(name: str) -> tuple[list[str], str | None]:
    """A column's words without that of its axis, and the axis: ``ax`` is ([a], x)."""
    found = words(name)
    for place in reversed(range(len(found))):
        if found[place] in AXES and (len(found) > 1 or len(found[place]) > 1 or found[place] in "xyzw"):
            return found[:place] + found[place + 1 :], AXES[found[place]]
    if found and found[-1][-1] in "xyzw" and len(found[-1]) > 1 and _modality_word(found[-1][:-1]):
        return [*found[:-1], found[-1][:-1]], found[-1][-1]
    if found and len(found) > 1 and found[-1].isdigit() and len(found[-1]) == 1:
        return found[:-1], found[-1]
    return found, None


def modality_of(found: list[str]) -> str | None:
    """The modality that words name; a word counts whole, or by its start when it is long."""
    for word in found:
        known = _modality_word(word)
        if known and (word not in LETTERS or len(found) <= 2):
            modifier = next((each for each in found if each in MODIFIERS[:4]), "")
            return f"{modifier}_{known}" if modifier else known
    return None


def _modality_word(word: str) -> str | None:
    for name, known in MODALITIES.items():
        if word in known or any(len(each) > 3 and word.startswith(each) for each in known):
            return name
    return None


def unit_told(name: str, units: Mapping[str, tuple[str, ...]]) -> str | None:
    """The unit that stands in a name's brackets or at its end, e.g. ``time_ms``, ``z(m/s^2)``; None for none."""
    brackets = [text.strip().lower() for text in _BRACKETS.findall(name)]
    last = re.split(r"[_\s.-]", _BRACKETS.sub("", name).strip())[-1].lower()
    for unit, known in units.items():
        if any(text in known for text in brackets):
            return unit
    for unit, known in units.items():
        if last in known and (len(last) > 1 or units is TIME_UNITS) and last != name.lower():
            return unit
    return None

"""The demo fleets: who is recorded, by which loggers, for how long.

Fleet A writes CSV, fleet B JSON lines, fleet C Parquet. In all three a reference recorder
logs the third modality and an observer notes the activity, so that a study's roles can
mask what its methods must not see and its reports can still tell right pairs from wrong.
All are worn on the right wrist.

How hard the study is follows from a few constants: the spreads in ``people``, the tremor and
the look-alikes in ``activities``, and the chips below. They were set so that few labels are
not enough: what differs between sensors but not between activities (hard iron, bias, tremor)
misleads a model that sees four windows of a class, and is what pre-training unlearns. With
the default study and seed 0 (three trainings) accuracy is .71 for the lower bound, .90 for
MMBind and .88 for the upper bound. Fleets of seeds 1 and 2, by an earlier recipe, gave .72 and
.66, .89 and .80, .90 and .82. With seeds 0, 1, 2 .79, .75, .75 of the pairs are right.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmbind.errors import InputError, nearest
from mmbind.files import whole_folder
from mmbind.progress import progress
from mmbind.simulation.chance import Floats, generator
from mmbind.simulation.devices import Chip, Clockwork, Device, Make, Readings, sample_times, sense
from mmbind.simulation.loggers import EPOCH_NS, csv_log, jsonl_log, parquet_log
from mmbind.simulation.people import Person
from mmbind.simulation.performance import Bout, draw_schedule, perform

#: Longest session, in minutes; longer recordings are several sessions.
SESSION_MINUTES = 5.0
#: Mean length of a bout in seconds.
BOUT_S = 20.0
#: Share of bouts whose activity is annotated in fleet C.
ANNOTATED = 0.75
#: Degrees by which a device sits differently every time it is strapped on.
STRAP = 4.0
#: From the start of one session of a person to the next, in ns (six hours).
SESSION_STEP_NS = 6 * 3600 * 10**9

#: A consumer's chips; the magnetometer's hard iron is not calibrated away.
_CHIPS = {
    "acc": Chip(noise=0.15, bias=0.2, gain=0.01, limit=78.5),
    "gyro": Chip(noise=0.03, bias=0.08, gain=0.02, limit=34.9),
    "mag": Chip(noise=0.8, bias=20.0, gain=0.03, limit=1200.0),
}
#: An older accelerometer: +-4 g.
_OLD_ACC = Chip(noise=0.2, bias=0.3, gain=0.01, limit=39.2)
#: How people wear them: degrees around the forearm, and across it.
_WORN = {"worn": 15.0, "tilted": 5.0}


@dataclass(frozen=True)
class Fleet:
    """A fleet of loggers of one make.

    Attributes:
        letter: subjects are the letter and two digits.
        make: the loggers.
        people: how many wear one, unless asked otherwise.
        minutes: recorded per person, unless asked otherwise.
    """

    letter: str
    make: Make
    people: int
    minutes: float


#: The demo fleets by source name.
FLEETS: dict[str, Fleet] = {
    "fleet_a": Fleet(
        letter="a",
        make=Make(
            chips=_CHIPS | {"acc": _OLD_ACC},
            clock=Clockwork(rate_hz=50.0, skew=0.004, jitter_s=0.002, pauses=0.3, pause_s=0.8),
            turned=(0.0, 0.0, 10.0),
            **_WORN,
        ),
        people=12,
        minutes=7.0,
    ),
    "fleet_b": Fleet(
        letter="b",
        make=Make(
            chips=_CHIPS,
            clock=Clockwork(rate_hz=50.0, skew=0.001, jitter_s=0.0005, pauses=0.3, pause_s=1.5),
            turned=(0.0, 0.0, -10.0),
            **_WORN,
        ),
        people=12,
        minutes=7.0,
    ),
    "fleet_c": Fleet(
        letter="c",
        make=Make(
            chips=_CHIPS,
            clock=Clockwork(rate_hz=100.0, skew=0.001, jitter_s=0.0003, pauses=0.2, pause_s=0.5),
            turned=(0.0, 0.0, 0.0),
            **_WORN,
        ),
        people=6,
        minutes=10.0,
    ),
}


@dataclass(frozen=True)
class FleetSummary:
    """What was written for one fleet."""

    source: str
    people: int
    files: int
    readings: int
    hours: float


@dataclass(frozen=True)
class DemoSummary:
    """What :func:`write_demo_fleets` wrote."""

    root: Path
    fleets: list[FleetSummary]

    def lines(self) -> list[str]:
        """One line per fleet."""
        return [
            f"{fleet.source}: {fleet.people} people, {fleet.files} files, {fleet.readings} readings, "
            f"{fleet.hours:.2f} h -> {self.root / fleet.source}"
            for fleet in self.fleets
        ]


def write_demo_fleets(
    root: Path,
    *,
    seed: int = 0,
    sources: Collection[str] = tuple(FLEETS),
    people: Mapping[str, int] | None = None,
    minutes: Mapping[str, float] | None = None,
) -> DemoSummary:
    """Writes the raw logs of the demo fleets; the same arguments give the same bytes.

    Files: ``fleet_a/<subject>/session_<n>.csv``, ``fleet_b/<subject>/<n>.jsonl`` and
    ``fleet_c/<subject>_<n>.parquet``. A source's folder is replaced as a whole.

    Args:
        root: holds one folder per source, e.g. a study's ``data/raw``.
        seed: of people, devices, motions and noise.
        sources: which fleets; names of :data:`FLEETS`.
        people: how many people, by source; 12, 12 and 6 where not given.
        minutes: minutes recorded per person, by source; 7, 7 and 10 where not given.

    Raises:
        InputError: for an unknown source, or less than one person or half a minute.
    """
    for source in [*sources, *(people or {}), *(minutes or {})]:
        if source not in FLEETS:
            raise InputError(f"There is no demo fleet {source!r}.", hint=nearest(source, FLEETS))
    counts = {source: fleet.people for source, fleet in FLEETS.items()} | dict(people or {})
    lengths = {source: fleet.minutes for source, fleet in FLEETS.items()} | dict(minutes or {})
    for source in FLEETS:
        if not (1 <= counts[source] <= 99 and lengths[source] >= 0.5):
            raise InputError(
                f"{source}: {counts[source]} people with {lengths[source]:g} minutes each cannot be recorded.",
                hint="Ask for 1 to 99 people and at least half a minute.",
            )
    written = [
        _write_fleet(root / source, source, seed=seed, people=counts[source], minutes=lengths[source])
        for source in sorted(set(sources))
    ]
    return DemoSummary(root, written)


def _write_fleet(folder: Path, source: str, *, seed: int, people: int, minutes: float) -> FleetSummary:
    sessions = math.ceil(minutes / SESSION_MINUTES)
    seconds = 60 * minutes / sessions
    subjects = [f"{FLEETS[source].letter}{number:02d}" for number in range(1, people + 1)]
    readings = 0
    with whole_folder(folder) as temporary:
        for subject in progress(subjects, f"simulate {source}: people"):
            for session in range(1, sessions + 1):
                path, content, count = _record(source, subject, session, seed=seed, seconds=seconds)
                (temporary / path).parent.mkdir(exist_ok=True)
                (temporary / path).write_bytes(content)
                readings += count
    return FleetSummary(source, people, people * sessions, readings, people * minutes / 60)


def _record(source: str, subject: str, session: int, *, seed: int, seconds: float) -> tuple[str, bytes, int]:
    """One session's file: its path below the source's folder, its bytes, its readings."""
    person, device = draw_subject(source, subject, seed=seed)
    chance = generator(seed, source, subject, session)
    bouts, readings = record_session(person, device, seconds, chance)
    start_ns = EPOCH_NS + session * SESSION_STEP_NS + int(chance.integers(0, 3600 * 10**9))
    if source == "fleet_a":
        content = csv_log(readings, start_ns=start_ns, title=f"subject {subject}, session {session}", chance=chance)
        path = f"{subject}/session_{session}.csv"
    elif source == "fleet_b":
        content = jsonl_log(readings, start_ns=start_ns, chance=chance)
        path = f"{subject}/{session}.jsonl"
    else:
        annotated = _annotated(bouts, readings.times, chance)
        content = parquet_log(readings, start_ns=start_ns, annotated=annotated, chance=chance)
        path = f"{subject}_{session}.parquet"
    return path, content, len(readings.times)


def draw_subject(source: str, subject: str, *, seed: int) -> tuple[Person, Device]:
    """The person of that name in a fleet, and the device that the person wears."""
    chance = generator(seed, source, subject)
    return Person.draw(chance), Device.draw(FLEETS[source].make, chance)


def record_session(
    person: Person, device: Device, seconds: float, chance: np.random.Generator
) -> tuple[list[Bout], Readings]:
    """Simulates one session: a schedule, the motion, the device's readings with true labels."""
    bouts = draw_schedule(chance, seconds=seconds, bout_s=BOUT_S)
    motion = perform(person, bouts, chance)
    device = device.strapped(chance, degrees=STRAP)
    times = sample_times(device, seconds, chance)
    signals = sense(device, motion, times, chance)
    names = np.array([bout.activity for bout in bouts])
    return bouts, Readings(times, signals, names[_bout_of(bouts, times)])


def _bout_of(bouts: list[Bout], times: Floats) -> npt.NDArray[np.int64]:
    return np.searchsorted([bout.start_s for bout in bouts], times, side="right") - 1


def _annotated(bouts: list[Bout], times: Floats, chance: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which readings an observer annotated: whole bouts, more of them than not."""
    return np.asarray((chance.random(len(bouts)) < ANNOTATED)[_bout_of(bouts, times)])

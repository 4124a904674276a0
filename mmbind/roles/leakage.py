"""Nothing may stand on two sides.

No subject, no person and no recording in two roles; no recording of one role whose content is
that of another role's, under whatever name (fingerprints of the stage ``validate``); and no
signal of the test role, byte for byte, in a role that training sees. Signals that never change
(a device at rest that logs whole numbers, a dead sensor) carry no content and are passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import TEST
from mmbind.errors import LeakageError
from mmbind.progress import progress
from mmbind.roles.select import RoleWindows
from mmbind.study import Study
from mmbind.validation.copies import copies
from mmbind.validation.fingerprints import MARKS

Digests = npt.NDArray[np.uint64]


def check_leakage(study: Study, roles: Sequence[RoleWindows], *, shard_size: int) -> None:
    """Refuses roles that share people, recordings or content.

    Args:
        study: the study, whose records give file names for the message.
        roles: all roles.
        shard_size: windows whose signals are held in memory at once.

    Raises:
        LeakageError: naming what is shared, the roles, the windows and their files.
    """
    for first, second in combinations(roles, 2):
        for column in ("subject", "recording"):
            _refuse_shared(study, first, second, column)
        _refuse_shared_people(study, first, second)
    _refuse_copies(study, roles)
    tested = [role for role in roles if role.name == TEST]
    trained = [role for role in roles if role.name != TEST]
    for test in tested:
        for modality in (test.shown | test.hidden) if trained else ():
            known = content(test, modality, shard_size=shard_size)
            for role in progress(trained, f"leakage: {modality}, roles"):
                if modality in role.shown | role.hidden:
                    _refuse_duplicates(study, test, known, role, modality, shard_size=shard_size)


def content(role: RoleWindows, modality: str, *, shard_size: int) -> tuple[Digests, npt.NDArray[np.int64]]:
    """Digests of a role's signals of one modality.

    Returns:
        64-bit digests (n,) and the windows' places in the role's index, int64 (n,), for the
        windows that have the modality and in which it changes.
    """
    digests: list[int] = []
    places: list[int] = []
    begin = 0
    for part in role.shards(shard_size):
        present, signals = role.gather(part, modality)
        changing = (signals != signals[:, :1]).any(axis=(1, 2))
        for place, window in zip(np.flatnonzero(present)[changing], signals[changing], strict=True):
            digests.append(int.from_bytes(hashlib.blake2b(window.tobytes(), digest_size=8).digest(), "little"))
            places.append(begin + int(place))
        begin += part.height
    return np.array(digests, dtype=np.uint64), np.array(places, dtype=np.int64)


def _refuse_shared(study: Study, first: RoleWindows, second: RoleWindows, column: str) -> None:
    """Refuses a subject or recording that two roles share."""
    keys = ["source", column]
    shared = first.index.join(second.index.select(keys).unique(), on=keys, how="semi").sort("window")
    if shared.height:
        one = shared.row(0, named=True)
        other = second.index.join(shared.head(1).select(keys), on=keys, how="semi").row(0, named=True)
        raise LeakageError(
            f"The roles {first.name!r} and {second.name!r} share the {column} {one[column]!r} of the source "
            f"{one['source']!r}: {_place(study, one)} and {_place(study, other)}.",
            hint="Give every subject to one role only ('roles' in params.yaml).",
        )


def _refuse_shared_people(study: Study, first: RoleWindows, second: RoleWindows) -> None:
    """Refuses a person whom two roles share under two names, where the sources say who is who."""
    known, others = (_people(study, role) for role in (first, second))
    for person in sorted(known.keys() & others.keys()):
        (source, subject), (other, name) = known[person], others[person]
        raise LeakageError(
            f"The roles {first.name!r} and {second.name!r} share the person {person!r}: "
            f"subject {subject!r} of the source {source!r} is subject {name!r} of {other!r}.",
            hint="Give every person to one role only ('roles' and 'identity.people' in params.yaml).",
        )


def _people(study: Study, role: RoleWindows) -> dict[str, tuple[str, str]]:
    """Source and subject by person, of the role's subjects that ``identity.people`` names."""
    named: dict[str, tuple[str, str]] = {}
    for source, subject in role.index.select("source", "subject").drop_nulls().unique().sort("*").iter_rows():
        person = study.params.sources[source].identity.people.get(subject)
        if person is not None:
            named.setdefault(person, (source, subject))
    return named


def _refuse_copies(study: Study, roles: Sequence[RoleWindows]) -> None:
    """Refuses recordings of two roles with the same content; sources without fingerprints are passed over."""
    owners = pl.concat(
        role.index.select("recording", "source").unique().with_columns(role=pl.lit(role.name)) for role in roles
    )
    paths = {source: study.fingerprints(source) for source in owners["source"].unique().sort()}
    marks = [pl.read_parquet(path) for path in paths.values() if path.is_file()]
    within = pl.concat([pl.DataFrame(schema=MARKS), *marks]).join(owners, on="recording", how="semi")
    other = owners.select(pl.all().name.prefix("other_"))
    crossing = (
        copies(within)
        .join(owners, on="recording", maintain_order="left")
        .join(other, on="other_recording", maintain_order="left")
        .filter(pl.col("role") != pl.col("other_role"))
    )
    if crossing.height:
        row = crossing.row(0, named=True)
        first, second = (_copy(study, row, side) for side in ("", "other_"))
        raise LeakageError(
            f"The same readings stand in the roles {row['role']!r} and {row['other_role']!r}: {first} and {second} "
            f"({row['share']:.0%} of their fingerprint, {row['shared']} marks; {crossing.height} such pairs in all).",
            hint="One of the two files is a copy: remove it from data/raw, or keep both in one role.",
        )


def _copy(study: Study, row: Mapping[str, object], side: str) -> str:
    """A recording of a pair of copies: modality, source and file."""
    source, recording = str(row[f"{side}source"]), row[f"{side}recording"]
    file = _file_of(study, source, recording)
    return f"{row[f'{side}modality']} of {f'file {file!r}' if file else f'recording {recording}'} (source {source!r})"


def _refuse_duplicates(
    study: Study,
    test: RoleWindows,
    known: tuple[Digests, npt.NDArray[np.int64]],
    role: RoleWindows,
    modality: str,
    *,
    shard_size: int,
) -> None:
    """Refuses a training window whose signals are a test window's, byte for byte."""
    digests, places = content(role, modality, shard_size=shard_size)
    _, in_test, in_role = np.intersect1d(known[0], digests, return_indices=True)
    for tested, trained in zip(known[1][in_test], places[in_role], strict=True):
        pair = test.index[int(tested)], role.index[int(trained)]
        if np.array_equal(test.gather(pair[0], modality)[1], role.gather(pair[1], modality)[1]):
            one, other = (part.row(0, named=True) for part in pair)
            raise LeakageError(
                f"The same {modality} signals stand in the roles {test.name!r} and {role.name!r}: "
                f"{_place(study, one)} and {_place(study, other)}.",
                hint="One of the two files is a copy: remove it from data/raw, or keep both in one role.",
            )


def _place(study: Study, window: Mapping[str, object]) -> str:
    """A window, its source and, where the records are at hand, its file."""
    file = _file_of(study, str(window["source"]), window["recording"])
    return f"window {window['window']} (source {window['source']!r}{f', file {file!r}' if file else ''})"


def _file_of(study: Study, source: str, recording: object) -> str | None:
    """The file that a recording came from, where the records are at hand."""
    path = study.records(source) / "recordings.parquet"
    if not path.is_file():
        return None
    rows = pl.scan_parquet(path).filter(pl.col("recording") == recording).select("file").collect()
    return str(rows["file"][0]) if rows.height else None

"""Whose recording a file is, told by its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmbind.config import Source


@dataclass(frozen=True)
class Owner:
    """What a path tells.

    Attributes:
        key: names the recording among those of its source; the files of a joined
            recording share it.
        subject: who was recorded, None when unknown; so too the next three.
        device: which device.
        placement: where it was worn.
        session: which session.
        label: label as logged, None for none.
        groups: all that the pattern found in the path, by name.
    """

    key: str
    subject: str | None
    device: str | None
    placement: str | None
    session: str | None
    label: str | None
    groups: Mapping[str, str] = field(default_factory=dict)


def owner_of(path: str, source: Source) -> Owner | None:
    """Reads a file's path.

    Args:
        path: below the source's folder, with forward slashes.
        source: whose ``identity`` says how.

    Returns:
        The owner, None when the path does not match the pattern.
    """
    identity, groups = source.identity, {}
    if identity.pattern is not None:
        found = re.search(identity.pattern, path)
        if found is None:
            return None
        groups = {name: value for name, value in found.groupdict().items() if value is not None}
    key = "&".join(f"{name}={value}" for name, value in sorted(groups.items())) if source.join else path
    return Owner(
        key=key,
        subject=groups.get("subject", identity.subject),
        device=groups.get("device", identity.device),
        placement=groups.get("placement", identity.placement),
        session=groups.get("session", identity.session),
        label=groups.get("label"),
        groups=groups,
    )

"""What other packages offer: objects found by entry point, and the code behind them named."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mmbind.errors import InputError, nearest


@dataclass(frozen=True)
class Plugins:
    """One kind of thing that packages may offer.

    Attributes:
        group: the entry points' group.
        kind: what one is called, e.g. ``reader``.
        offers: what a package does that has one, e.g. ``reads``.
    """

    group: str
    kind: str
    offers: str

    def version_of(self, name: str) -> list[str]:
        """Names the code behind an entry point: distribution, version, and the object inside.

        Args:
            name: of the entry point.

        Raises:
            InputError: when no package, or more than one, has it.
        """
        point = self._find(name)
        told = ("", "") if point.dist is None else (point.dist.name, point.dist.version)
        return [*told, point.value]

    def load(self, name: str) -> tuple[str, Any]:
        """Imports what an entry point names.

        Args:
            name: of the entry point.

        Returns:
            How messages call it, and the object.

        Raises:
            InputError: when no package, or more than one, has it, or it cannot be imported.
        """
        point = self._find(name)
        who = f"The {self.kind} {name!r} ({' '.join(self.version_of(name)[:2]) or point.value})"
        try:
            return who, point.load()
        except Exception as error:
            raise InputError(f"{who} cannot be imported: {error!r}.", hint="Reinstall its package.") from error

    def _find(self, name: str) -> EntryPoint:
        found = {point.value: point for point in entry_points(group=self.group, name=name)}
        if not found:
            hint = nearest(name, entry_points(group=self.group).names)
            raise InputError(f"No package {self.offers} {name!r}.", hint=hint)
        if len(found) > 1:
            values = ", ".join(sorted(found))
            raise InputError(f"More than one package {self.offers} {name!r}: {values}.", hint="Uninstall one.")
        return next(iter(found.values()))

"""What the page of results is made of: a study's stored runs, and the versions that they are held against."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from mmbind.reports.results.checks import CHECKS
from mmbind.reports.results.reading import Recipe
from mmbind.reports.results.tables import Results


@dataclass(frozen=True)
class StudyResults:
    """A study's stored runs, and what its protocol says of them.

    Attributes:
        name: of the study.
        path: its folder below the project, for the command that runs its grid.
        results: the stored runs.
        tuning: rotations on which settings were chosen.
        reported: rotations that are reported.
        people: subjects by rotation and role; none where a role has all people of its sources.
        tasks: modalities that target and test keep, by task.
        methods: those of the protocol.
        ablations: what they change, as text, by name.
        recipe: MMBind's here.
        checks: which runs other code was found to give, too (:mod:`mmbind.reports.results.checks`).
    """

    name: str
    path: str
    results: Results
    tuning: Sequence[str]
    reported: Sequence[str]
    people: Mapping[str, Mapping[str, Sequence[str]]]
    tasks: Mapping[str, Sequence[str]]
    methods: Sequence[str]
    ablations: Mapping[str, str] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)
    checks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(CHECKS)))

    @property
    def plain(self) -> Results:
        """The runs with the study's own parameters."""
        return self.results.only(pl.col("ablation") == "")

    @property
    def is_reported(self) -> pl.Expr:
        """Whether a run is of a reported rotation."""
        return pl.col("rotation").is_in(list(self.reported))

    def settings(self, present: Present) -> pl.Expr:
        """Whether a run is of the present parameters, of the study or of its ablation."""
        names = {"": self.name, **{name: f"{self.name}/{name}" for name in self.ablations}}
        return pl.any_horizontal(
            (pl.col("ablation") == name) & pl.col("settings").is_in(list(present.settings.get(key, ())))
            for name, key in names.items()
        )


@dataclass(frozen=True)
class Present:
    """Versions at the time of writing.

    Attributes:
        code: of the code that trains.
        settings: of the parameters of training, by study, and by ``study/ablation``: several where the
            machine chooses among them (``compute.device`` or ``precision: auto``).
    """

    code: str
    settings: Mapping[str, Sequence[str]]

    def line(self) -> str:
        """As the page states it."""
        settings = ", ".join(
            f"{name} {' or '.join(f'`{one}`' for one in versions)}" for name, versions in sorted(self.settings.items())
        )
        return f"Versions when this page was written: training code `{self.code}`; parameters {settings}."

    @classmethod
    def of_page(cls, text: str) -> Present | None:
        """What a written page states, None for a page without it."""
        found = re.search(r"training code `(\w+)`; parameters (.*)\.$", text, flags=re.MULTILINE)
        if found is None:
            return None
        settings = (part.split(" ", 1) for part in found[2].split(", "))
        return cls(found[1], {name: tuple(re.findall(r"`(\w+)`", versions)) for name, versions in settings})

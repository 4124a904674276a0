"""The judgement of a source's records: its suite's, the conservation of rows, and copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mmbind.errors import GateError
from mmbind.validation.conservation import Conservation
from mmbind.validation.judgement import Judgement

#: Pairs of copies that a terminal is told of.
TOLD = 3


@dataclass(frozen=True)
class RecordsJudgement(Judgement):
    """All that ``validate`` found out about a source.

    Attributes:
        conservation: whether every row read was kept or quarantined.
        quarantined: quarantined rows and files by rule.
        copies: recordings with the same content: file, modality, other_file, other_modality and
            share of the fingerprint, the first of them.
    """

    conservation: Conservation
    quarantined: Mapping[str, int]
    copies: Sequence[Mapping[str, Any]]

    @property
    def passed(self) -> bool:
        """Whether the source may go on."""
        return super().passed and self.conservation.holds

    def to_dict(self) -> dict[str, Any]:
        """The judgement as JSON has it: the same bytes for the same records."""
        judged = super().to_dict()
        return {
            "source": judged.pop("about"),
            **judged,
            "conservation": {**asdict(self.conservation), "holds": self.conservation.holds},
            "quarantined": dict(self.quarantined),
            "copies": [dict(pair) for pair in self.copies],
        }

    def lines(self) -> list[str]:
        """A short account for a terminal."""
        first, *warnings = super().lines()
        rows = self.conservation
        return [
            f"{first}; rows read {rows.read} = kept {rows.kept} + quarantined {rows.quarantined}",
            *warnings,
            *(
                f"copy: {pair['modality']} of {pair['file']} is {pair['other_modality']} of {pair['other_file']}."
                for pair in self.copies[:TOLD]
            ),
        ]

    def enforce(self) -> None:
        """Stops the pipeline when rows are not conserved or a critical rule is broken.

        Raises:
            GateError: names source, file, rule, observed value, limit and the next step.
        """
        if not self.conservation.holds:
            message = f"{self.about}: rows are not conserved, {self.conservation.breaks[0]}."
            raise GateError(message, hint=f"Run the stage ingest again for {self.about!r} (dvc repro -f).")
        super().enforce()

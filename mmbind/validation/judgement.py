"""What a judgement says: a verdict per rule, the conservation of rows, and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmbind.errors import GateError
from mmbind.validation.conservation import Conservation

#: Pairs of copies that a terminal is told of.
TOLD = 3


@dataclass(frozen=True)
class Finding:
    """A value of a file, a modality or the source.

    Attributes:
        file: its path below the source's folder; empty when the source as a whole is meant.
        modality: the modality; empty when all are meant.
        value: the judged value, None when there is none.
    """

    file: str
    modality: str
    value: Any


@dataclass(frozen=True)
class Verdict:
    """The outcome of one rule.

    Attributes:
        rule: its name.
        severity: ``critical`` or ``warning``.
        passed: whether it holds.
        column: the summary column that was judged, empty for a rule on the table.
        limit: what is allowed, in words.
        unit: unit of the limit and of the values, empty when they have none.
        judged: summary rows with a value to judge; 0 where the source has nothing of the kind.
        failed: how many of them break the rule.
        observed: least and greatest value judged, or the figure of a rule on the table.
        broken: the value farthest outside the limit; None where nothing is outside.
        worst: the worst files, worst first.
        why: why the rule holds.
        next: what to do when it fails.
    """

    rule: str
    severity: str
    passed: bool
    column: str
    limit: str
    unit: str
    judged: int
    failed: int
    observed: Any
    broken: Finding | None
    worst: Sequence[Finding]
    why: str
    next: str

    @property
    def sentence(self) -> str:
        """The broken rule in one sentence without its full stop."""
        broken = self.broken or Finding("", "", self.observed)
        unit = f" {self.unit}" if self.unit else ""
        parts = [self.column or "the table", f" of {broken.modality}" if broken.modality else ""]
        parts += [f" in {broken.file}" if broken.file else "", f" is {broken.value}{unit}"]
        parts += [f", allowed is {self.limit}{unit}"]
        if broken.file and self.failed > 1:
            parts.append(f" ({self.failed} of {self.judged} fail)")
        elif not broken.file and self.worst:
            parts.append(f" (worst file {self.worst[0].file}: {self.worst[0].value}{unit})")
        return f"the rule '{self.rule}' is broken: {''.join(parts)}"


@dataclass(frozen=True)
class Judgement:
    """All that ``validate`` found out about a source.

    Attributes:
        source: its name.
        suites: names of the suite files used.
        verdicts: one per rule, in the order of the suite.
        conservation: whether every row read was kept or quarantined.
        quarantined: quarantined rows and files by rule.
        figures: summary of the source and of each modality.
        copies: recordings with the same content: file, modality, other_file, other_modality and
            share of the fingerprint, the first of them.
        path: where the judgement is written.
    """

    source: str
    suites: Sequence[str]
    verdicts: Sequence[Verdict]
    conservation: Conservation
    quarantined: Mapping[str, int]
    figures: Mapping[str, Any]
    copies: Sequence[Mapping[str, Any]]
    path: Path

    @property
    def stopping(self) -> list[Verdict]:
        """Broken critical rules."""
        return [verdict for verdict in self.verdicts if not verdict.passed and verdict.severity == "critical"]

    @property
    def warnings(self) -> list[Verdict]:
        """Broken rules that are reported only."""
        return [verdict for verdict in self.verdicts if not verdict.passed and verdict.severity == "warning"]

    @property
    def passed(self) -> bool:
        """Whether the source may go on."""
        return not self.stopping and self.conservation.holds

    def to_dict(self) -> dict[str, Any]:
        """The judgement as JSON has it: the same bytes for the same records."""
        return {
            "source": self.source,
            "passed": self.passed,
            "suites": list(self.suites),
            "conservation": {**asdict(self.conservation), "holds": self.conservation.holds},
            "quarantined": dict(self.quarantined),
            "figures": dict(self.figures),
            "copies": [dict(pair) for pair in self.copies],
            "rules": [asdict(verdict) for verdict in self.verdicts],
        }

    def lines(self) -> list[str]:
        """A short account for a terminal."""
        held = sum(verdict.passed for verdict in self.verdicts)
        rows = self.conservation
        return [
            f"{self.source}: {held} of {len(self.verdicts)} rules hold; rows read {rows.read}"
            f" = kept {rows.kept} + quarantined {rows.quarantined}",
            *(f"warning: {verdict.sentence}." for verdict in self.warnings),
            *(
                f"copy: {pair['modality']} of {pair['file']} is {pair['other_modality']} of {pair['other_file']}."
                for pair in self.copies[:TOLD]
            ),
        ]

    def enforce(self) -> None:
        """Stops the pipeline when a critical rule is broken.

        Raises:
            GateError: names source, file, rule, observed value, limit and the next step.
        """
        if self.passed:
            return
        if not self.conservation.holds:
            message = f"{self.source}: rows are not conserved, {self.conservation.breaks[0]}."
            raise GateError(message, hint=f"Run the stage ingest again for {self.source!r} (dvc repro -f).")
        first, *others = self.stopping
        also = f" (also failed: {', '.join(verdict.rule for verdict in others)})" if others else ""
        raise GateError(f"{self.source}: {first.sentence}{also}.", hint=f"{first.next} Details: {self.path}.")

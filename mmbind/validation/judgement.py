"""What a judgement says: a verdict per rule, and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmbind.errors import GateError


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
        unit = f" {self.unit}" if self.unit not in ("", "1") else ""
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
    """What a suite says of a summary.

    Attributes:
        about: the source, or what else was judged, as messages call it.
        suites: names of the suite files used.
        verdicts: one per rule, in the order of the suite.
        figures: what was judged, by scope and modality.
        path: where the judgement is written.
    """

    about: str
    suites: Sequence[str]
    verdicts: Sequence[Verdict]
    figures: Mapping[str, Any]
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
        """Whether the pipeline may go on."""
        return not self.stopping

    def to_dict(self) -> dict[str, Any]:
        """The judgement as JSON has it: the same bytes for the same tables."""
        return {
            "about": self.about,
            "passed": self.passed,
            "suites": list(self.suites),
            "figures": dict(self.figures),
            "rules": [asdict(verdict) for verdict in self.verdicts],
        }

    def lines(self) -> list[str]:
        """A short account for a terminal."""
        held = sum(verdict.passed for verdict in self.verdicts)
        return [
            f"{self.about}: {held} of {len(self.verdicts)} rules hold",
            *(f"warning: {verdict.sentence}." for verdict in self.warnings),
        ]

    def enforce(self) -> None:
        """Stops the pipeline when a critical rule is broken.

        Raises:
            GateError: names what was judged, rule, observed value, limit and the next step.
        """
        if not self.stopping:
            return
        first, *others = self.stopping
        also = f" (also failed: {', '.join(verdict.rule for verdict in others)})" if others else ""
        raise GateError(f"{self.about}: {first.sentence}{also}.", hint=f"{first.next} Details: {self.path}.")

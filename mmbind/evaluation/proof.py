"""Results over rotations: figures, tables, and what they say in plain language."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmbind.evaluation.metrics import mean_and_deviation
from mmbind.reports.comparison import sentence
from mmbind.reports.evaluation_page import OURS, title

#: The method that mmbind is compared with.
YARDSTICK = "lower"


@dataclass(frozen=True)
class RotationResult:
    """What one rotation gave.

    Attributes:
        name: of the rotation.
        subjects: subjects by role; an empty list means all of the role's sources.
        purity: share of pairs whose windows have the same true label, None where unknown.
        evaluation: the metrics of its evaluation.
        runs: one per method and seed: method, seed, accuracy, macro_f1.
    """

    name: str
    subjects: dict[str, list[str]]
    purity: float | None
    evaluation: dict[str, Any]
    runs: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The fields, as JSON values."""
        return asdict(self)

    @property
    def methods(self) -> list[str]:
        """Methods in the order of the evaluation."""
        return list(dict.fromkeys(run["method"] for run in self.runs))

    def scores(self, method: str, figure: str = "accuracy") -> list[float]:
        """A method's figure, one per seed."""
        return [float(run[figure]) for run in self.runs if run["method"] == method]

    @property
    def difference(self) -> float | None:
        """Accuracy of mmbind minus that of the lower bound, mean of paired seeds."""
        ours, yardstick = self.scores(OURS), self.scores(YARDSTICK)
        return float(np.mean(ours) - np.mean(yardstick)) if ours and yardstick else None


@dataclass(frozen=True)
class Proof:
    """Results of several rotations.

    Attributes:
        rotations: in the order of ``params.yaml``.
    """

    rotations: list[RotationResult]

    @property
    def methods(self) -> list[str]:
        """Methods that every rotation has, in order."""
        first = self.rotations[0].methods if self.rotations else []
        return [method for method in first if all(method in result.methods for result in self.rotations)]

    def over_rotations(self, method: str, figure: str) -> dict[str, float]:
        """Mean and deviation over rotations of a figure that is first averaged over seeds."""
        return mean_and_deviation([float(np.mean(result.scores(method, figure))) for result in self.rotations])

    @property
    def purity(self) -> dict[str, float] | None:
        """Mean and deviation of the pair purity over rotations, None where unknown."""
        known = [result.purity for result in self.rotations if result.purity is not None]
        return mean_and_deviation(known) if known else None

    @property
    def differences(self) -> dict[str, float]:
        """Accuracy of mmbind minus the lower bound's, by rotation."""
        return {result.name: round(result.difference, 6) for result in self.rotations if result.difference is not None}

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "rotations": [result.to_dict() for result in self.rotations],
            "purity": self.purity,
            "methods": {
                method: {figure: self.over_rotations(method, figure) for figure in ("accuracy", "macro_f1")}
                for method in self.methods
            },
            f"{OURS}_minus_{YARDSTICK}": {
                "by_rotation": self.differences,
                **(mean_and_deviation(list(self.differences.values())) if self.differences else {}),
            },
        }

    def rotation_lines(self) -> list[str]:
        """One line per rotation: purity, and the mean accuracy of each method."""
        return [
            f"{result.name}: purity {_plain(result.purity)}, "
            + ", ".join(f"{method} {np.mean(result.scores(method)):.3f}" for method in result.methods)
            for result in self.rotations
        ]

    def reading(self) -> list[str]:
        """What the figures say, computed from them."""
        if not self.rotations:
            return ["No rotation is finished."]
        said = []
        if self.purity is not None:
            said.append(f"Of the pairs, {_percent(self.purity)} join windows of the same true label.")
        if values := list(self.differences.values()):
            said.append(sentence(values, title(YARDSTICK), "rotations"))
        if "oracle" in self.methods and OURS in self.methods:
            cost = self.over_rotations("oracle", "accuracy")["mean"] - self.over_rotations(OURS, "accuracy")["mean"]
            said.append(
                f"Pairs by true label instead of similarity would change the accuracy by {100 * cost:+.1f} points."
            )
        people = [person for result in self.rotations for person in result.subjects.get("test", [])]
        if len(self.rotations) > 1:
            said.append(
                "The same people recur in other roles across rotations"
                + ("" if len(set(people)) < len(people) else ", though each is tested once")
                + ": the rotations are not independent, and deviations and intervals understate the uncertainty."
            )
        return said

    def markdown(self) -> str:
        """A page with the tables and the reading."""
        seeds = sorted({run["seed"] for result in self.rotations for run in result.runs})
        names = [result.name for result in self.rotations]
        rows = [
            ["pair purity", *[_plain(result.purity) for result in self.rotations], _both(self.purity)],
            *[
                [
                    f"{method}, {name}",
                    *[_both(mean_and_deviation(result.scores(method, figure))) for result in self.rotations],
                    _both(self.over_rotations(method, figure)),
                ]
                for figure, name in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"))
                for method in self.methods
            ],
        ]
        if differences := self.differences:
            rows.append(
                [
                    f"{OURS} - {YARDSTICK}, accuracy",
                    *[f"{differences[name]:+.3f}" if name in differences else "-" for name in names],
                    _both(mean_and_deviation(list(differences.values())), sign="+"),
                ]
            )
        people = [
            [result.name, *[", ".join(result.subjects[role]) or "all" for role in result.subjects]]
            for result in self.rotations
        ]
        roles = list(self.rotations[0].subjects) if self.rotations else []
        parts = [
            "# Rotations",
            "Each rotation gives the roles to other people. Cells are the mean ± deviation over the seeds "
            f"({', '.join(str(seed) for seed in seeds)}); the last column is the mean ± deviation over rotations.",
            _table(["", *names, "all"], rows),
            *self.reading(),
            _table(["subjects", *roles], people),
        ]
        return "\n\n".join(parts) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _both(figures: dict[str, float] | None, sign: str = "") -> str:
    if figures is None:
        return "-"
    deviation = f" ± {figures['deviation']:.3f}" if "deviation" in figures else ""
    return f"{figures['mean']:{sign}.3f}{deviation}"


def _percent(figures: dict[str, float]) -> str:
    return f"{100 * figures['mean']:.1f} %"

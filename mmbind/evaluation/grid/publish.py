"""The page of results, from what all studies of a project have stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from mmbind.config import Training
from mmbind.config.params import PARAMS_FILE
from mmbind.errors import InputError
from mmbind.evaluation.grid.cells import ablated, protocol_of
from mmbind.evaluation.grid.run import results_folder
from mmbind.evaluation.grid.wanted import code_version, settings_version
from mmbind.files import whole_folder, write_text
from mmbind.learning.compute import possible
from mmbind.reports.results import Results
from mmbind.reports.results.checks import read_checks
from mmbind.reports.results.page import results_page
from mmbind.reports.results.reading import Recipe
from mmbind.reports.results.study_results import Present, StudyResults
from mmbind.study import Study


@dataclass(frozen=True)
class PublishSummary:
    """A page that was written.

    Attributes:
        path: the page.
        runs: stored runs by study.
    """

    path: Path
    runs: dict[str, int]

    def lines(self) -> list[str]:
        """A short text for people."""
        return [*(f"{name}: {count} runs" for name, count in self.runs.items()), f"page: {self.path}"]


def write_results_page(house: Path) -> PublishSummary:
    """Writes ``docs/results.md`` and the plots beside it in ``docs/results/``.

    Args:
        house: the project's folder: a study itself, with others in ``studies/``.

    Raises:
        InputError: when no study has a protocol, or two have one name.
    """
    studies = list(studies_of(house))
    if not studies:
        raise InputError(f"No study of {house} has a section 'protocol'.", hint="See docs/evaluation.md.")
    page = results_page(studies, present_versions(house))
    path = house / "docs" / "results.md"
    with whole_folder(path.with_suffix("")) as folder:
        for name, text in sorted(page.plots.items()):
            write_text(folder / name, text)
    write_text(path, page.text)
    return PublishSummary(path, {study.name: study.results.runs.height for study in studies})


def present_versions(house: Path) -> Present:
    """Versions of the code and of each study's parameters as they are now."""
    settings = {}
    for study in _studies(house):
        protocol = protocol_of(study)
        settings[protocol.name] = _settings(study)
        for name in protocol.ablations:
            settings[f"{protocol.name}/{name}"] = _settings(ablated(study, name))
    return Present(code_version(), settings)


def _settings(study: Study) -> tuple[str, ...]:
    """Versions of the parameters that stored runs may have: several, where the machine chooses device or precision.

    So the page does not depend on the machine that writes it.
    """
    return tuple(settings_version(study, compute) for compute in possible(study.params.compute))


def shown(value: JsonValue) -> str:
    """A value as in a line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def recipe_of(training: Training) -> Recipe:
    """MMBind's recipe under some settings."""
    pairs = "pre-training without pairs" if training.contrast == "windows" else "pre-training on pairs"
    if not training.propagate:
        return Recipe(f"{pairs}, no student", "mim")
    spread = training.propagation
    over = [*(["pairs"] if spread.binding else []), *(["neighbours"] if spread.neighbours.partners else [])]
    student = f"answers spread over {' and over '.join(over)}" if over else "a student of plain answers"
    return Recipe(f"{pairs}, {student}", "self_training")


def studies_of(house: Path) -> Iterator[StudyResults]:
    """Stored runs of every study that has a protocol; the project's own study comes last."""
    for study in _studies(house):
        protocol, roles = protocol_of(study), study.params.roles
        rotations = {rotation.name: rotation.subjects for rotation in study.params.rotations}
        yield StudyResults(
            name=protocol.name,
            path=study.root.relative_to(house).as_posix(),
            results=Results.read(results_folder(study)),
            checks=read_checks(results_folder(study)),
            tuning=protocol.tuning,
            reported=protocol.reported,
            people={
                name: {role: rotations[name].get(role, roles[role].subjects) for role in roles}
                for name in protocol.rotations
            },
            tasks=protocol.tasks,
            methods=protocol.methods,
            ablations={
                name: "; ".join(f"{path}: {shown(value)}" for path, value in ablation.change.items())
                for name, ablation in protocol.ablations.items()
            },
            recipe=recipe_of(study.params.training),
        )


def _studies(house: Path) -> Iterator[Study]:
    """Studies with a protocol; each name once, since it stands for the study's runs and plots."""
    owners: dict[str, Path] = {}
    for path in [*sorted(house.glob(f"studies/*/{PARAMS_FILE}")), house / PARAMS_FILE]:
        if path.is_file() and (study := Study.load(path.parent)).params.protocol is not None:
            name = protocol_of(study).name
            if (owner := owners.setdefault(name, path)) != path:
                raise InputError(
                    f"{owner} and {path} are both called {name!r} (protocol.name).", hint="Give one another name."
                )
            yield study

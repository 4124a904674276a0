"""Reading ``params.yaml``: one model of the whole file, errors with their line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from mmbind.config.base import Section
from mmbind.config.binding import Binding, Report
from mmbind.config.explain import DisagreementError, explain
from mmbind.config.learning import Compute, Evaluation, Training
from mmbind.config.marked import read_yaml
from mmbind.config.protocol import Protocol
from mmbind.config.roles import TARGET, TEST, FolderName, Role, Rotation
from mmbind.config.shared import LABEL, Shared
from mmbind.config.sources import Archive, Name, Source
from mmbind.config.windows import EventCut, Windows
from mmbind.errors import ConfigError, InputError, nearest

#: The file of a study that holds its parameters.
PARAMS_FILE = "params.yaml"


class Params(Section):
    """A study's ``params.yaml``; sections that ``dvc.yaml`` names must stand there."""

    #: Folder with ``mmbind/`` and ``expectations/``, seen from the study; DVC depends on it.
    house: str = "."
    compute: Compute
    archives: dict[Name, Archive] = {}
    sources: dict[Name, Source] = Field(min_length=1)
    windows: Windows
    roles: dict[FolderName, Role]
    rotations: list[Rotation] = []
    shared: Shared
    binding: Binding
    report: Report
    training: Training
    evaluation: Evaluation
    protocol: Protocol | None = None

    @property
    def unlabelled_roles(self) -> list[str]:
        """Names of the roles that are bound (all but target and test), sorted."""
        return sorted(name for name in self.roles if name not in (TARGET, TEST))

    def changed(self, changes: Mapping[str, JsonValue]) -> Self:
        """The parameters with other values, checked as those of a file; ``protocol`` stays as it is.

        Args:
            changes: values by path, e.g. ``training.student.prior``.

        Raises:
            InputError: for a path that does not exist, or a value that does not fit.
        """
        values = self.model_dump(mode="json", exclude={"protocol"})
        for path, value in changes.items():
            section, names = values, path.split(".")
            for depth, name in enumerate(names[:-1], start=1):
                section = section.setdefault(name, {})  # some are left out where they say nothing
                if not isinstance(section, dict):
                    raise InputError(f"{'.'.join(names[:depth])!r} is a value, not a section.")
            section[names[-1]] = value
        try:
            found = type(self).model_validate(values)
        except ValidationError as error:
            told = explain(error, values, Params)
            raise InputError(told.message, hint=told.hint) from None
        return found.model_copy(update={"protocol": self.protocol})

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        for needed in (TARGET, TEST):
            if needed not in self.roles:
                raise DisagreementError(["roles"], f"the role {needed!r} is missing; there are {', '.join(self.roles)}")
        if len(self.unlabelled_roles) < 2:
            raise DisagreementError(["roles"], "at least two unlabelled roles are needed, e.g. A and B")
        if self.roles[TARGET].labels is None:
            raise DisagreementError(["roles", TARGET], "labels (count, draw) are missing")
        for name, role in self.roles.items():
            if name != TARGET and role.labels is not None:
                raise DisagreementError(["roles", name, "labels"], "only the target shows labels")
            if role.show_labels and (self.shared.modality != LABEL or name in (TARGET, TEST)):
                why = f"only unlabelled roles that are bound by label (shared.modality: {LABEL}) show all their labels"
                raise DisagreementError(["roles", name, "show_labels"], why)
            _all_known("source", role.sources, self.sources, "roles", name, "sources")
            _all_known("modality", role.modalities, self.windows.modalities, "roles", name, "modalities")
            if isinstance(self.windows.cut, EventCut) and self.windows.cut.modality not in role.modalities:
                why = f"the role {name!r} has no {self.windows.cut.modality!r}, and windows must not show what it hides"
                raise DisagreementError(["windows", "cut", "modality"], why)
        self._shared_fits()
        centred = self.training.network.centred
        _all_known("modality", centred, self.windows.modalities, "training", "network", "centred")
        views = self.training.propagation.neighbours.views
        _all_known("modality", views, self.windows.modalities, "training", "propagation", "neighbours", "views")
        names = [rotation.name for rotation in self.rotations]
        for position, rotation in enumerate(self.rotations):
            if rotation.name in names[:position]:
                raise DisagreementError(["rotations", position, "name"], f"{rotation.name!r} stands twice")
            _all_known("role", rotation.subjects, self.roles, "rotations", position, "subjects")
        if self.protocol is not None:
            self._protocol_fits(self.protocol)
        return self

    def _protocol_fits(self, protocol: Protocol) -> None:
        """Refuses rotations and modalities that the study does not have, and rotations that are tuned and reported."""
        rotations = [rotation.name for rotation in self.rotations]
        for part, names in (("tuning", protocol.tuning), ("reported", protocol.reported)):
            _all_known("rotation", names, rotations, "protocol", part)
        both = [name for name in protocol.reported if name in protocol.tuning]
        if both:
            why = f"settings were chosen on the rotation {both[0]!r} (protocol.tuning), so it is not reported"
            raise DisagreementError(["protocol", "reported"], why)
        for name, ablation in protocol.ablations.items():
            try:
                self.changed(ablation.change)
            except InputError as error:
                raise DisagreementError(["protocol", "ablations", name, "change"], str(error)) from None
        cut = self.windows.cut
        for task, modalities in protocol.tasks.items():
            _all_known("modality", modalities, self.windows.modalities, "protocol", "tasks", task)
            if isinstance(cut, EventCut) and cut.modality not in modalities:
                why = f"without {cut.modality!r} the task cannot have windows that are cut by it"
                raise DisagreementError(["protocol", "tasks", task], why)

    def _shared_fits(self) -> None:
        """Refuses shared modalities that are not windowed, and labels where only signals fit."""
        shared, by_label = self.shared, self.shared.modality == LABEL
        if by_label != (shared.encoder == "labels"):
            raise DisagreementError(["shared", "encoder"], f"the encoder 'labels' goes with the modality {LABEL!r}")
        if not by_label:
            _all_known("modality", [shared.modality], self.windows.modalities, "shared", "modality")
        _all_known("modality", shared.fused, () if by_label else self.windows.modalities, "shared", "fused")
        _all_known("modality", shared.also, () if by_label else self.windows.modalities, "shared", "also")
        for position, name in enumerate(shared.also):
            if name in shared.named[: position + 1]:
                raise DisagreementError(["shared", "also", position], f"{name!r} is named twice")
        if shared.also and shared.fused:
            why = "goes with one shared modality; what two roles share of 'also' is fused anyway"
            raise DisagreementError(["shared", "fused"], why)
        if shared.modality in shared.fused:
            raise DisagreementError(["shared", "fused"], f"{shared.modality!r} is the shared modality itself")
        if by_label and self.binding.rerank.kind != "none":
            raise DisagreementError(["binding", "rerank"], "labels cannot be warped; set {kind: none}")
        if by_label and self.binding.weight.by == "labelled":
            why = "labels cannot judge pairs that are made by labels; set cycles"
            raise DisagreementError(["binding", "weight", "by"], why)


def _all_known(what: str, names: Iterable[str], known: Collection[str], *location: str | int) -> None:
    """Refuses names that another section does not have."""
    for name in names:
        if name not in known:
            raise DisagreementError(location, f"unknown {what} {name!r}. {nearest(name, known)}")


def load_params(path: Path) -> Params:
    """Reads and checks a ``params.yaml``.

    Args:
        path: the file.

    Raises:
        ConfigError: with file, line and key; misspelt keys come with the nearest right one.
    """
    text = read_yaml(path)
    if not isinstance(text.value, dict):
        raise ConfigError(
            "must be a mapping with the sections of a study.", path=path, hint=nearest("", Params.model_fields)
        )
    try:
        return Params.model_validate(text.value)
    except ValidationError as error:
        found = explain(error, text.value, Params)
        key = ".".join(str(part) for part in found.location)
        raise ConfigError(found.message, path=path, line=text.line(found.location), key=key, hint=found.hint) from None

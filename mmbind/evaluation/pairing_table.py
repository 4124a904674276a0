"""The table of ``mmbind bind compare``, over one or several assignments of people to roles."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from mmbind.config import Rotation, Shared
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.errors import InputError, nearest
from mmbind.evaluation.pairing import RuleResult, compare_rules
from mmbind.evaluation.rotations import stores_key, turned_roles
from mmbind.files import read_json, remake, write_json
from mmbind.roles import assign_roles
from mmbind.study import Study

#: Rooms and modules whose code determines the embeddings of a rotation.
CODE = ("config", "encoders", "files.py", "learning", "roles", "schema.py", "study.py", "windows")
#: Columns of the table: title, field, and how it is printed.
COLUMNS = (
    ("coverage", "coverage", "{:.1%}"),
    ("purity", "purity", "{:.3f}"),
    ("mutual", "mutual", "{:.1%}"),
    ("purity of mutual", "mutual_purity", "{:.3f}"),
    ("lenders used", "lenders_used", "{:.1%}"),
    ("largest hub", "hubness", "{:.0f}"),
    ("hub skew", "hubness_skew", "{:.2f}"),
    ("seconds", "seconds", "{:.2f}"),
    ("rule s", "rule_seconds", "{:.3f}"),
    ("MiB", "peak_mib", "{:.0f}"),
)


@dataclass(frozen=True)
class Comparison:
    """Results by rotation.

    Attributes:
        rotations: results of every rotation by its name, in order; the control by label only where labels are known.
    """

    rotations: dict[str, list[RuleResult]]

    def lines(self) -> list[str]:
        """The table; cells are means over rotations, and an asterisk marks the study's own rule."""
        table = Table()
        table.add_column("re-rank")
        table.add_column("rule")
        for title, *_ in COLUMNS:
            table.add_column(title, justify="right")
        rules: dict[tuple[str, str], list[RuleResult]] = {}
        for result in (one for results in self.rotations.values() for one in results):
            rules.setdefault((result.rerank, result.rule), []).append(result)
        for same in rules.values():
            first = same[0]
            cells = [_mean([getattr(result, field) for result in same], form) for _, field, form in COLUMNS]
            table.add_row(first.rerank, first.rule + (" *" if first.configured else ""), *cells)
        text = io.StringIO()
        Console(file=text, width=190).print(table)
        over = f"mean over {', '.join(self.rotations)}" if len(self.rotations) > 1 else next(iter(self.rotations))
        return [*text.getvalue().rstrip().splitlines(), f"{over}; * as params.yaml has it"]

    def write(self, path: Path) -> None:
        """Writes all results as JSON."""
        write_json(path, {name: [one.to_dict() for one in results] for name, results in self.rotations.items()})


def compare_study(study: Study, names: Sequence[str] = (), people: Sequence[str] = (), shared: str = "") -> Comparison:
    """Compares all rules on a study's roles, or on rotations of them.

    Args:
        study: the study. Without rotations its roles must be assigned and embedded; with
            them its windows must be cut.
        names: rotations of ``params.yaml``.
        people: rotations as text, ``role=subject,subject`` separated by spaces.
        shared: what of the section ``shared`` is otherwise, as text, ``key=value`` separated by
            spaces; the windows are embedded anew, beside the study's own embeddings.

    Raises:
        InputError: for an unknown rotation or text that is none.
        MissingStageError: before the stages that are needed.
    """
    known = {rotation.name: rotation for rotation in study.params.rotations}
    for name in names:
        if name not in known:
            raise InputError(f"Unknown rotation {name!r}.", hint=nearest(name, known))
    rotations = [*(known[name] for name in names), *(_read(text) for text in people)]
    if shared:
        study = other_shared(study, shared)
        rotations = rotations or [Rotation(name="as_assigned", subjects={})]
        names_of = {one.name: one.model_copy(update={"name": f"{one.name}_{_plain(shared)}"}) for one in rotations}
        return Comparison({f"{name}, {shared}": compare_rules(embedded(study, one)) for name, one in names_of.items()})
    if not rotations:
        return Comparison({"as assigned": compare_rules(study)})
    return Comparison({rotation.name: compare_rules(embedded(study, rotation)) for rotation in rotations})


def _read(text: str) -> Rotation:
    """A rotation from text such as ``A=1,3 B=5,7``, named after itself."""
    subjects = {}
    for part in text.split():
        role, equals, names = part.partition("=")
        if not equals or not names:
            raise InputError(f"--people: {part!r} is not role=subject,subject.", hint='E.g. "A=1,3 B=5,7".')
        subjects[role] = names.split(",")
    return Rotation(name="p_" + _plain(text), subjects=subjects)


def other_shared(study: Study, text: str) -> Study:
    """The study with some keys of ``shared`` changed, such as ``representation=vertical align=coral``."""
    changes = {}
    for part in text.split():
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise InputError(
                f"--shared: {part!r} is not key=value.", hint='E.g. "representation=vertical align=coral".'
            )
        if key not in Shared.model_fields:
            raise InputError(f"--shared: unknown key {key!r}.", hint=nearest(key, Shared.model_fields))
        changes[key] = value
    try:
        shared = Shared.model_validate({**study.params.shared.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"--shared: {where}: {first['msg']}.", hint="See docs/encoders.md.") from error
    return Study(study.root, study.params.model_copy(update={"shared": shared}), study.data)


def _plain(text: str) -> str:
    """Text as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def embedded(study: Study, rotation: Rotation) -> Study:
    """A rotation's roles, assigned and embedded unless that is up to date."""
    unknown = sorted(set(rotation.subjects) - set(study.params.roles))
    if unknown:
        raise InputError(f"--people: unknown role {unknown[0]!r}.", hint=nearest(unknown[0], study.params.roles))
    turned = study.rotated(turned_roles(study, rotation), study.root / "data" / ".work" / "compare" / rotation.name)
    key = stores_key(study, turned, ("compute", "roles", "shared"), CODE)
    path = turned.data / "key.json"
    if not path.is_file() or read_json(path) != key:
        remake(path, lambda: _embed(turned, key))
    return turned


def _embed(turned: Study, key: str) -> str:
    """Makes a rotation's embeddings and returns their key."""
    assign_roles(turned)
    fit_shared_encoder(turned)
    embed(turned)
    return key


def _mean(values: list[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    return form.format(float(np.mean(known))) if known else "-"

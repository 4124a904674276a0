"""Rotations: other people in the same roles."""

from __future__ import annotations

from mmbind.config import Role, Rotation
from mmbind.study import Study


def turned_roles(study: Study, rotation: Rotation) -> dict[str, Role]:
    """The study's roles with a rotation's subjects; roles that it does not name keep theirs."""
    return {
        name: role.model_copy(update={"subjects": rotation.subjects.get(name, role.subjects)})
        for name, role in study.params.roles.items()
    }

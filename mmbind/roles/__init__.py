"""Room: roles. Who plays what in a study, what each role shows, and what goes to truth."""

from mmbind.roles.assign import RolesSummary, RoleSummary, assign_roles

__all__ = ["RoleSummary", "RolesSummary", "assign_roles"]

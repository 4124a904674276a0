"""The gate on binding quality: no figure may fall far below that of the accepted version."""

from __future__ import annotations

from mmbind.errors import GateError, InputError, nearest
from mmbind.study import Study
from mmbind.versions.references import References
from mmbind.versions.version import Version, current_version


def check_quality(study: Study) -> list[str]:
    """Holds the present binding against the accepted version.

    Args:
        study: a study that has been bound; ``report.largest_drop`` says how far which figure may fall.

    Returns:
        A few lines for the log.

    Raises:
        MissingStageError: before bind.
        InputError: when a limit names a figure that the accepted version does not have.
        GateError: when a figure has fallen too far.
    """
    accepted = References.of(study).accepted
    if accepted is None:
        return ["no version is accepted yet: nothing to compare with ('mmbind bindings accept')"]
    current = current_version(study)
    if current.id == accepted.id:
        return [f"this is the accepted version, {accepted.id[:12]}"]
    drops = find_drops(accepted, current, study.params.report.largest_drop)
    if drops:
        raise GateError(
            f"The binding is worse than the accepted version {accepted.id[:12]}: {'; '.join(drops)}.",
            hint="See 'mmbind bindings diff accepted current'; if it is meant to be so, 'mmbind bindings accept'.",
        )
    return [f"not worse than the accepted version {accepted.id[:12]}"]


def find_drops(accepted: Version, current: Version, limits: dict[str, float]) -> list[str]:
    """The figures that have fallen further than allowed, each as a phrase.

    A figure that only the accepted version has counts as fallen.

    Args:
        accepted: the reference.
        current: what is judged.
        limits: largest allowed drop by the figure's dotted name.

    Raises:
        InputError: when a limit names a figure that the accepted version does not have.
    """
    before, after = accepted.figures, current.figures
    drops = []
    for name, limit in sorted(limits.items()):
        if name not in before:
            if name.startswith("purity."):
                continue
            raise InputError(f"report.largest_drop names the unknown figure {name!r}.", hint=nearest(name, before))
        if name not in after:
            drops.append(f"{name} was {before[name]:.4g} and is not known any more")
        elif before[name] - after[name] > limit:
            drops.append(f"{name} fell from {before[name]:.4g} to {after[name]:.4g} (allowed: {limit:g})")
    return drops

"""The planner: for every modality that a role lacks, which roles lend it, and by what they are compared.

Roles that share one of the study's named modalities lend to each other directly. Where nobody
who has a modality can be compared with the borrower, a *bridge* leads there: a chain of roles in
which each is compared with the next (:mod:`mmbind.binding.bridges`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from mmbind.binding.plan import Loan, nothing_to_lend
from mmbind.config.binding import MOST_HOPS, Bridges
from mmbind.encoders.spaces import common, key_of
from mmbind.errors import InputError

#: How people read a chain.
ARROW = " > "
Has = Mapping[str, AbstractSet[str]]
#: Roles from the borrower to a lender.
Path = tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """One way to a modality.

    Attributes:
        legs: loans from role to role, the first by the borrower; only the last one asks for the
            modality. One leg is a direct loan, more are a bridge.
    """

    legs: tuple[Loan, ...]

    @property
    def bridged(self) -> bool:
        """Whether it leads over other roles."""
        return len(self.legs) > 1

    @property
    def lenders(self) -> tuple[str, ...]:
        """The roles that lend."""
        return self.legs[-1].lenders

    @property
    def by(self) -> str:
        """What windows are compared by, leg after leg, e.g. ``acc > gyro+mag``."""
        return ARROW.join(leg.by for leg in self.legs)

    @property
    def path(self) -> str:
        """The roles that it leads over, e.g. ``A > B > C, D``."""
        return ARROW.join([self.legs[0].borrower, *(", ".join(leg.lenders) for leg in self.legs)])


@dataclass(frozen=True)
class Need:
    """A modality that a role lacks and others have.

    Attributes:
        borrower: the role.
        modality: what it lacks.
        routes: the ways to it, at least one; those that share most first, direct ones before bridges.
    """

    borrower: str
    modality: str
    routes: tuple[Route, ...]

    @property
    def name(self) -> str:
        """How counts and figures call it, e.g. ``A borrows gyro``."""
        return f"{self.borrower} borrows {self.modality}"

    @property
    def lenders(self) -> tuple[str, ...]:
        """All roles that lend, sorted."""
        return tuple(sorted({lender for route in self.routes for lender in route.lenders}))


def plan_needs(has: Has, named: Sequence[str], bridges: Bridges) -> list[Need]:
    """Plans how every role gets what it lacks.

    Args:
        has: the modalities of each unlabelled role.
        named: the modalities by which roles may be compared.
        bridges: the section ``binding.bridges``.

    Returns:
        Sorted by borrower and modality; the order of roles and modalities changes nothing.

    Raises:
        InputError: when no role lacks what another has, or something cannot be reached and
            ``bridges.unreached`` is ``refuse``.
    """
    needs = []
    for borrower in sorted(has):
        for modality in sorted(set().union(*has.values()) - has[borrower]):
            routes = _routes(borrower, modality, has, named, bridges)
            if routes:
                needs.append(Need(borrower, modality, tuple(routes)))
            elif bridges.unreached == "refuse":
                raise _unreached(borrower, modality, has, named, bridges)
    if not needs:
        raise nothing_to_lend(has)
    return needs


def _routes(borrower: str, modality: str, has: Has, named: Sequence[str], bridges: Bridges) -> list[Route]:
    """Direct routes, one per set of shared modalities, and bridges where they are wanted."""
    direct: dict[tuple[str, ...], list[str]] = {}
    for lender in _owners(modality, has):
        if shared := common(named, has[borrower], has[lender]):
            direct.setdefault(shared, []).append(lender)
    routes = [
        Route((Loan(borrower, modality, tuple(lenders), key_of(shared)),))
        for shared, lenders in sorted(direct.items(), key=lambda each: (-len(each[0]), each[0]))
    ]
    if routes and bridges.when == "needed":
        return routes
    return [*routes, *_bridges(borrower, modality, has, named, bridges.max_hops)]


def _bridges(borrower: str, modality: str, has: Has, named: Sequence[str], most: int) -> list[Route]:
    """The shortest chains to roles that cannot lend directly, of at most so many legs."""
    for hops in range(2, most + 1):
        grouped: dict[tuple[Path, tuple[str, ...]], list[str]] = {}
        for path in _paths(borrower, modality, has, named, hops):
            last = common(named, has[path[-2]], has[path[-1]])
            grouped.setdefault((path[:-1], last), []).append(path[-1])
        if grouped:
            return [_chain(path, modality, lenders, has, named) for (path, _), lenders in sorted(grouped.items())]
    return []


def _chain(path: Path, modality: str, lenders: Sequence[str], has: Has, named: Sequence[str]) -> Route:
    """A route over the roles of a path to lenders that share the same with its last role."""
    between = [Loan(one, None, (other,), key_of(common(named, has[one], has[other]))) for one, other in pairwise(path)]
    shared = key_of(common(named, has[path[-1]], has[lenders[0]]))
    return Route((*between, Loan(path[-1], modality, tuple(sorted(lenders)), shared)))


def _paths(borrower: str, modality: str, has: Has, named: Sequence[str], hops: int) -> Iterator[Path]:
    """Chains of roles in which only neighbours share something and only the last role has the modality.

    A chain two of whose roles share something without being neighbours would be a detour.
    """

    def extend(path: Path) -> Iterator[Path]:
        if len(path) == hops + 1:
            yield path
            return
        ends = len(path) == hops
        for role in sorted(has):
            if role in path or (modality in has[role]) != ends or not common(named, has[path[-1]], has[role]):
                continue
            if not any(common(named, has[earlier], has[role]) for earlier in path[:-1]):
                yield from extend((*path, role))

    return extend((borrower,))


def _owners(modality: str, has: Has) -> list[str]:
    return sorted(role for role, held in has.items() if modality in held)


def _unreached(borrower: str, modality: str, has: Has, named: Sequence[str], bridges: Bridges) -> InputError:
    """Says what cannot be reached, and everything that would make it reachable."""
    helpful = []
    for candidate in sorted(set().union(*has.values()) - set(named)):
        found = _routes(borrower, modality, has, [*named, candidate], bridges)
        if found:
            helpful.append(f"name {candidate!r} in shared.also ({found[0].path})")
    longer = bridges.model_copy(update={"max_hops": min(max(len(has) - 1, 1), MOST_HOPS)})
    if longer.max_hops > bridges.max_hops and (found := _routes(borrower, modality, has, named, longer)):
        helpful.append(f"set binding.bridges.max_hops: {len(found[0].legs)} ({found[0].path})")
    if not helpful:
        ours, theirs = sorted(has[borrower]), sorted(set().union(*(has[role] for role in _owners(modality, has))))
        helpful.append(
            f"add a role that has one of {', '.join(ours)} and one of {', '.join(theirs)}, and name both in shared.also"
        )
    joined = " or ".join([*helpful, "set binding.bridges.unreached: skip to do without it"])
    owners = " or ".join(repr(owner) for owner in _owners(modality, has))
    return InputError(
        f"The role {borrower!r} cannot borrow {modality!r} of {owners}: they share none of "
        f"{', '.join(named)}, and no bridge of at most {bridges.max_hops} hops joins them.",
        hint=f"{joined[0].upper()}{joined[1:]}.",
    )

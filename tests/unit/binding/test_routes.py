"""The planner: who lends what by what, and what people are told where nobody can."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbind.binding.routes import plan_needs
from mmbind.config.binding import Bridges
from mmbind.encoders.spaces import common, modalities_of, spaces_of
from mmbind.errors import InputError

MODALITIES = ["acc", "gyro", "mag", "skeleton"]
SKIP = Bridges(unreached="skip")
ROLES = st.dictionaries(
    st.sampled_from("ABCDE"), st.sets(st.sampled_from(MODALITIES), min_size=1), min_size=2, max_size=5
)


def test_a_direct_lender_is_preferred_and_those_that_share_the_same_lend_together() -> None:
    has = {"A": {"acc", "gyro"}, "B": {"acc", "mag"}, "C": {"gyro", "mag"}, "D": {"acc", "mag", "skeleton"}}
    needs = {need.name: need for need in plan_needs(has, ["acc", "gyro", "mag"], Bridges())}
    assert [(r.path, r.by) for r in needs["A borrows mag"].routes] == [("A > B, D", "acc"), ("A > C", "gyro")]
    assert [(r.path, r.by) for r in needs["B borrows skeleton"].routes] == [("B > D", "acc+mag")]
    assert not any(route.bridged for need in needs.values() for route in need.routes)


def test_a_bridge_leads_to_what_nobody_lends() -> None:
    has = {"A": {"acc"}, "B": {"acc", "gyro"}, "C": {"gyro", "mag"}, "D": {"gyro", "mag"}}
    needs = {need.name: need for need in plan_needs(has, ["acc", "gyro"], Bridges())}
    (route,) = needs["A borrows mag"].routes
    assert (route.path, route.by, route.lenders) == ("A > B > C, D", "acc > gyro", ("C", "D"))
    assert [leg.modality for leg in route.legs] == [None, "mag"]
    assert not needs["A borrows gyro"].routes[0].bridged


def test_bridges_beside_direct_lenders_only_when_asked_for() -> None:
    has = {"A": {"acc"}, "B": {"acc", "gyro"}, "C": {"gyro", "mag"}, "D": {"acc", "mag"}}
    for when, paths in (("needed", ["A > D"]), ("always", ["A > D", "A > B > C"])):
        needs = {need.name: need for need in plan_needs(has, ["acc", "gyro"], Bridges(when=when))}
        assert [route.path for route in needs["A borrows mag"].routes] == paths


@pytest.mark.parametrize(
    ("has", "named", "bridges", "told"),
    [
        (
            {"A": {"acc"}, "B": {"acc", "gyro"}, "C": {"gyro", "mag"}},
            ["acc", "mag"],
            Bridges(),
            "'A' cannot borrow 'mag' of 'C'.*none of acc, mag.*at most 2 hops.*Name 'gyro' in shared.also",
        ),
        (
            {"A": {"acc"}, "B": {"acc", "gyro"}, "C": {"gyro", "mag"}, "D": {"mag", "skeleton"}},
            ["acc", "gyro", "mag"],
            Bridges(),
            r"'A' cannot borrow 'skeleton'.*max_hops: 3 \(A > B > C > D\).*unreached: skip",
        ),
        (
            {"A": {"acc", "gyro"}, "B": {"acc", "skeleton"}, "C": {"mag"}, "D": {"mag"}},
            ["acc", "mag"],
            Bridges(),
            "'A' cannot borrow 'mag' of 'C' or 'D'.*Add a role that has one of acc, gyro and one of mag",
        ),
        ({"A": {"acc"}, "B": {"acc"}}, ["acc"], Bridges(), "No unlabelled role can borrow anything"),
    ],
)  # fmt: skip
def test_people_are_told_what_would_help(has: dict, named: list[str], bridges: Bridges, told: str) -> None:
    with pytest.raises(InputError, match=told):
        plan_needs(has, named, bridges)


@given(has=ROLES, named=st.permutations(MODALITIES), hops=st.integers(1, 4), when=st.sampled_from(["needed", "always"]))
def test_every_route_is_one(has: dict[str, set[str]], named: list[str], hops: int, when: str) -> None:
    named = named[:3]
    bridges = Bridges(max_hops=hops, when=when, unreached="skip")
    try:
        needs = plan_needs(has, named, bridges)
    except InputError:
        return
    keys = {space.key: space for space in spaces_of(named, has)}
    for need in needs:
        assert need.modality not in has[need.borrower]
        for route in need.routes:
            assert len(route.legs) <= hops
            assert route.legs[0].borrower == need.borrower
            assert all(need.modality in has[lender] for lender in route.lenders)
            assert len(set(route.path.replace(",", " >").split(" > "))) == sum(len(x.lenders) for x in route.legs) + 1
            for leg in route.legs:
                assert set(leg.lenders) | {leg.borrower} <= set(keys[leg.by].roles)
                for lender in leg.lenders:
                    assert list(common(named, has[leg.borrower], has[lender])) == modalities_of(leg.by)
            for one, other in pairwise(route.legs):
                assert one.lenders == (other.borrower,)
                assert need.modality not in has[other.borrower]
            if route.bridged:
                assert not any(common(named, has[need.borrower], has[lender]) for lender in route.lenders)


@given(has=ROLES, data=st.data())
def test_the_order_of_roles_changes_nothing(has: dict[str, set[str]], data: st.DataObject) -> None:
    order = data.draw(st.sampled_from(list(permutations(has))))
    named = data.draw(st.permutations(MODALITIES))[:2]

    def plan(roles: dict[str, set[str]]) -> object:
        try:
            return plan_needs(roles, named, SKIP)
        except InputError as error:
            return str(error)

    assert plan(has) == plan({role: has[role] for role in order})

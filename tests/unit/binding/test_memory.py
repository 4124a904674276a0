"""Rebinding after a few windows came, went or changed: only what can change is done, to the same bytes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.binding import bind
from mmbind.binding.memory import Memory, contents, update
from mmbind.binding.search.exact import exact_nearest
from mmbind.files import digest_folder
from tests.unit.binding.rig import put_role, random_vectors, two_roles, unit

IDS = [f"w{number:02d}" for number in range(24)]


def _side(versions: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of the windows, few distinct ones so that there are ties, and what they are."""
    ids = sorted(versions)
    vectors = np.stack([np.random.default_rng([int(i[1:]) % 9, versions[i]]).normal(size=4) for i in ids])
    return unit(vectors), contents(ids, unit(vectors))


windows = st.dictionaries(st.sampled_from(IDS), st.integers(0, 1), min_size=2)


@settings(deadline=None, max_examples=150)
@given(windows, windows, windows, windows, st.integers(1, 6))
def test_an_update_is_a_search_from_nothing(
    old_queries: dict[str, int], old_lenders: dict[str, int], queries: dict[str, int], lenders: dict[str, int], k: int
) -> None:
    before = [_side(side) for side in (old_queries, old_lenders)]
    first = update(None, *before[0], *before[1], k, "cpu")
    scores = first.found.similarities * 2
    memory = Memory(before[0][1], before[1][1], first.found.positions, first.found.similarities, scores)
    now = [_side(side) for side in (queries, lenders)]
    updated = update(memory, *now[0], *now[1], k, "cpu")
    whole = exact_nearest(now[0][0], now[1][0], k)
    np.testing.assert_array_equal(updated.found.positions, whole.positions)
    np.testing.assert_array_equal(updated.found.similarities, whole.similarities)
    known = ~np.isnan(updated.scores)
    np.testing.assert_array_equal(updated.scores[known], 2 * whole.similarities[known])


def test_one_more_lender_costs_no_search_of_the_others() -> None:
    a, b = random_vectors(200, seed=1), random_vectors(201, seed=2)
    ours, theirs = contents([f"a{i}" for i in range(200)], a), contents([f"b{i:03d}" for i in range(201)], b)
    first = update(None, a, ours, b[:200], theirs[:200], 5, "cpu").found
    memory = Memory(ours, theirs[:200], first.positions, first.similarities, first.similarities)
    updated = update(memory, a, ours, b, theirs, 5, "cpu")
    assert (updated.searched, updated.fresh, updated.why) == (0, 1, "")
    assert np.isnan(updated.scores).any(axis=1).sum() < 40  # only rows that the new lender enters are scored again


@pytest.mark.parametrize("rerank", [{"kind": "none"}, {"kind": "dtw", "steps": 4, "band": 1}])
def test_binding_again_with_a_few_windows_more_gives_the_bytes_of_binding_anew(tmp_path: Path, rerank: object) -> None:
    a, b = random_vectors(60, seed=3), random_vectors(61, seed=4)
    again = two_roles(tmp_path / "again", a, b[:60], rerank=rerank)
    assert "not searched before" in "".join(bind(again).lines())
    put_role(again, "B", ["acc", "mag"], b)
    lines = bind(again).lines()
    assert any("A among B: 0 of 60 windows searched" in line for line in lines)
    assert any("B among A: 1 of 61 windows searched" in line for line in lines)
    anew = two_roles(tmp_path / "anew", a, b, rerank=rerank)
    bind(anew)
    assert digest_folder(again.bindings) == digest_folder(anew.bindings)


def test_another_encoder_is_told(tmp_path: Path) -> None:
    study = two_roles(tmp_path, random_vectors(20, seed=5), random_vectors(20, seed=6), rerank={"kind": "none"})
    bind(study)
    for role, other in (("A", "gyro"), ("B", "mag")):
        put_role(study, role, ["acc", other], random_vectors(20, seed=ord(role)))
    assert any("every window has another embedding" in line for line in bind(study).lines())


def test_a_spoilt_memory_is_not_believed(tmp_path: Path) -> None:
    study = two_roles(tmp_path, random_vectors(20, seed=7), random_vectors(20, seed=8), rerank={"kind": "none"})
    bind(study)
    before = digest_folder(study.bindings)
    for path in (study.root / "data" / ".work").rglob("positions.npy"):
        path.write_bytes(path.read_bytes()[:-40])
    assert any("not searched before" in line for line in bind(study).lines())
    assert digest_folder(study.bindings) == before

"""Edges between windows by every modality that both have."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from mmbind.config import Neighbours
from mmbind.learning.samples import Samples
from mmbind.training import neighbours
from mmbind.training.neighbours import learned_graph, neighbour_graph

STEPS = 12
#: No warping and few windows: what is found can be told by correlations.
PLAIN = Neighbours(partners=2, candidates=8, steps=STEPS, band=0)


def samples(signals: dict[str, np.ndarray], rows: dict[str, list[int]]) -> Samples:
    count = len(next(iter(rows.values())))
    return Samples(
        {name: torch.from_numpy(values.astype(np.float32)) for name, values in signals.items()},
        {name: torch.tensor(numbers) for name, numbers in rows.items()},
        torch.ones(count),
        torch.full((count,), -1),
        [],
        [f"w{number}" for number in range(count)],
    )


def waves(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, STEPS, 2))


def three_roles() -> tuple[Samples, np.ndarray]:
    """Two windows with acc and gyro, two with acc and mag, two with all three."""
    return (
        samples(
            {"acc": waves(6), "gyro": waves(4, 1), "mag": waves(4, 2)},
            {"acc": [0, 1, 2, 3, 4, 5], "gyro": [0, 1, -1, -1, 2, 3], "mag": [-1, -1, 0, 1, 2, 3]},
        ),
        np.array([0, 0, 1, 1, 2, 2]),
    )


def test_edges_to_each_group_have_the_same_weight_and_no_window_is_its_own_neighbour() -> None:
    windows, groups = three_roles()
    weights = neighbour_graph(windows, groups, PLAIN).toarray()
    assert np.all(np.diag(weights) == 0)
    for group in range(3):
        np.testing.assert_allclose(weights[:, groups == group].sum(axis=1), 1 / 3)


def test_roles_kept_apart_are_joined_with_themselves_and_with_the_target_alone() -> None:
    windows, groups = three_roles()
    apart = PLAIN.model_copy(update={"across": False})
    everywhere, found = (neighbour_graph(windows, groups, settings).toarray() for settings in (PLAIN, apart))
    first, second, target = (groups == group for group in range(3))
    assert everywhere[first][:, second].any()
    assert not found[first][:, second].any()
    assert not found[second][:, first].any()
    for own in (first, second):
        np.testing.assert_allclose(found[own][:, own].sum(axis=1), 1 / 3)
        np.testing.assert_allclose(found[own][:, target].sum(axis=1), 1 / 3)
    np.testing.assert_allclose(found[target].sum(axis=1), 1.0)


def test_roles_are_kept_apart_by_what_a_model_has_learned_too() -> None:
    features = {"acc": (waves(6)[:, 0], np.arange(6))}
    groups = np.array([0, 0, 1, 1, 2, 2])
    found = learned_graph(features, groups, PLAIN.model_copy(update={"across": False})).toarray()
    joined = {(int(groups[one]), int(groups[other])) for one, other in np.argwhere(found)}
    assert joined == {(0, 0), (0, 2), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)}


@pytest.mark.parametrize("across", [True, False])
def test_windows_compared_in_several_blocks_have_the_neighbours_of_one(
    across: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, groups = three_roles()
    chosen = PLAIN.model_copy(update={"across": across})
    whole = neighbour_graph(windows, groups, chosen).toarray()
    monkeypatch.setattr(neighbours, "BLOCK", 4)  # the second block starts within a role and is shorter
    order = torch.tensor([0, 2, 4, 1, 3, 5])
    mixed = samples(
        {name: np.asarray(values) for name, values in windows.signals.items()},
        {name: values[order].tolist() for name, values in windows.rows.items()},
    )
    blocks = neighbour_graph(mixed, groups[order.numpy()], chosen).toarray()
    np.testing.assert_allclose(blocks, whole[np.ix_(order.numpy(), order.numpy())], atol=1e-6)


def test_the_copy_of_a_window_is_its_nearest_neighbour_by_the_modalities_of_both() -> None:
    acc, gyro, mag = waves(6), waves(4, 1), waves(4, 2)
    acc[4], gyro[2] = acc[0], gyro[0]  # window 4 of the target repeats window 0
    windows = samples(
        {"acc": acc, "gyro": gyro, "mag": mag},
        {"acc": [0, 1, 2, 3, 4, 5], "gyro": [0, 1, -1, -1, 2, 3], "mag": [-1, -1, 0, 1, 2, 3]},
    )
    weights = neighbour_graph(windows, np.array([0, 0, 1, 1, 2, 2]), PLAIN).toarray()
    assert weights[0, 4] > 3 * weights[0, 5]
    assert weights[4, 0] > 3 * weights[4, 1]


def test_features_join_windows_by_their_cosines_in_the_modalities_of_both() -> None:
    east, north = [1.0, 0.0], [0.0, 1.0]
    acc = np.array([east, north, east, east], dtype=np.float32)
    gyro = np.array([north, [0, 0], [0, 0], east], dtype=np.float32)  # of the first and the last window
    features = {"acc": (acc, np.arange(4)), "gyro": (gyro, np.array([0, -1, -1, 3]))}
    weights = learned_graph(features, np.array([0, 0, 1, 1]), Neighbours(partners=1, candidates=8)).toarray()
    assert weights[0, 2:].tolist() == [0.5, 0]  # both are like it in acc, but the last differs in gyro
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_windows_with_no_modality_in_common_are_not_joined() -> None:
    windows = samples({"gyro": waves(3), "mag": waves(3, 1)}, {"gyro": [0, 1, 2, -1, -1], "mag": [-1, -1, 0, 1, 2]})
    weights = neighbour_graph(windows, np.array([0, 0, 1, 2, 2]), PLAIN).toarray()
    assert np.all(weights[:2, 3:] == 0)
    assert np.all(weights[3:, :2] == 0)
    assert np.all(weights[[0, 1, 3, 4], 2] > 0)


def test_more_candidates_than_windows_and_constant_windows_do_no_harm() -> None:
    acc = waves(4)
    acc[1] = 9.81
    weights = neighbour_graph(samples({"acc": acc}, {"acc": [0, 1, 2, 3]}), np.array([0, 0, 1, 1]), PLAIN)
    assert np.isfinite(weights.data).all()
    assert weights.sum() > 0


def test_warped_windows_are_found() -> None:
    """The same movement later: cosine prefers another window, warping the right one."""
    time = np.linspace(0, 1, 40)
    bump = np.exp(-(((time - 0.4) / 0.06) ** 2))[:, None] * [1.0, 0.6]
    late = np.exp(-(((time - 0.5) / 0.06) ** 2))[:, None] * [1.0, 0.6]
    other = 0.5 * bump + np.sin(9 * time)[:, None] * [0.2, -0.4]
    acc = np.stack([bump, late, other])
    windows, groups = samples({"acc": acc}, {"acc": [0, 1, 2]}), np.array([0, 1, 1])
    stiff = neighbour_graph(windows, groups, Neighbours(partners=1, steps=40, band=0)).toarray()
    warped = neighbour_graph(windows, groups, Neighbours(partners=1, steps=40, band=6)).toarray()
    assert stiff[0, 2] > 0
    assert warped[0, 1] > 0


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(6)))
def test_the_order_of_windows_changes_nothing(order: list[int]) -> None:
    windows, groups = three_roles()
    moved = samples(
        {name: np.asarray(values) for name, values in windows.signals.items()},
        {name: values[torch.tensor(order)].tolist() for name, values in windows.rows.items()},
    )
    before = neighbour_graph(windows, groups, PLAIN).toarray()
    after = neighbour_graph(moved, groups[order], PLAIN).toarray()
    np.testing.assert_allclose(after, before[np.ix_(order, order)], atol=1e-6)

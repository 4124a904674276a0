"""The loop gives the same bytes each time, resumed or not, and stops at a loss that is NaN."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmbind.config import Compute, Schedule
from mmbind.errors import InputError
from mmbind.learning.compute import derived_seed, deterministic
from mmbind.learning.loop import DivergedError, Step, fit
from mmbind.learning.networks import ModalityEncoder

SCHEDULE = Schedule(epochs=6, batch=8, learning_rate=0.01, weight_decay=0.01)


@dataclasses.dataclass
class Work:
    """A network with dropout and batch statistics that learns a fixed target."""

    model: nn.Module
    step: Step

    def state(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}


def make(stop_after: int | None = None) -> Work:
    deterministic(Compute(), seed=1)
    model = ModalityEncoder(steps=16, channels=2, width=4, features=3, dropout=0.3)
    data = torch.Generator().manual_seed(0)
    inputs = torch.randn(20, 16, 2, generator=data)
    targets = torch.randn(20, 3, generator=data)
    calls = 0

    def step(positions: Tensor, generator: torch.Generator) -> Tensor:
        nonlocal calls
        calls += 1
        if stop_after is not None and calls > stop_after:
            raise KeyboardInterrupt
        noise = torch.randn(len(positions), 16, 2, generator=generator)
        return (model(inputs[positions] + 0.1 * noise) - targets[positions]).square().mean()

    return Work(model, step)


def run(work: Work, folder: Path | None, every: int = 2, schedule: Schedule = SCHEDULE) -> list[float]:
    return fit(
        work.model, work.step, samples=20, schedule=schedule, seed=7, what="test", work=folder, checkpoint_every=every
    )


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_two_runs_give_the_same_bytes_and_the_loss_falls() -> None:
    first, second = make(), make()
    losses = run(first, None)
    torch.rand(5)  # the caller's random state must not matter
    assert run(second, None) == losses
    assert same(first.state(), second.state())
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    assert not first.model.training


def test_the_callers_random_state_is_left_alone() -> None:
    work = make()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(work, None)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("stopped_in_step", [1, 7, 8, 11, 16])
def test_a_stopped_run_ends_in_the_bytes_of_an_unbroken_one(tmp_path: Path, stopped_in_step: int) -> None:
    whole = make()
    losses = run(whole, None)
    with pytest.raises(KeyboardInterrupt):
        run(make(stop_after=stopped_in_step), tmp_path / "work")
    again = make()
    assert run(again, tmp_path / "work") == losses
    assert same(again.state(), whole.state())


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    losses = run(make(), tmp_path / "work")
    assert run(make(stop_after=0), tmp_path / "work") == losses


def test_only_the_last_checkpoint_is_kept(tmp_path: Path) -> None:
    run(make(), tmp_path / "work", every=1)
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["card.json", "model.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


@pytest.mark.parametrize("damage", ["other schedule", "broken file"])
def test_a_checkpoint_that_does_not_belong_is_ignored(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "work"
    run(make(), folder, schedule=SCHEDULE.model_copy(update={"epochs": 3}))
    if damage == "broken file":
        run(make(), folder)
        (folder / "model.safetensors").write_bytes(b"broken")
    whole, again = make(), make()
    assert run(again, folder) == run(whole, None)
    assert same(again.state(), whole.state())


def test_batches_are_as_equal_as_they_can_be() -> None:
    model, seen = nn.Linear(1, 1), []

    def step(positions: Tensor, generator: torch.Generator) -> Tensor:
        seen.append(positions.tolist())
        return model(torch.ones(1, 1)).sum()

    fit(model, step, samples=54, schedule=Schedule(epochs=2, batch=32), seed=0, what="test", work=None)
    assert [len(positions) for positions in seen] == [27] * 4
    assert sorted(seen[0] + seen[1]) == sorted(seen[2] + seen[3]) == list(range(54))
    assert seen[0] != seen[2]


def test_a_nan_loss_names_epoch_and_positions() -> None:
    model = nn.Linear(1, 1)

    def step(positions: Tensor, generator: torch.Generator) -> Tensor:
        value = model(torch.ones(1, 1)).sum()
        return value * float("nan") if 3 in positions else value

    with pytest.raises(DivergedError, match="pretrain: the loss is not finite in epoch 1") as error:
        fit(model, step, samples=4, schedule=Schedule(epochs=2, batch=2), seed=0, what="pretrain", work=None)
    assert 3 in error.value.positions
    assert error.value.epoch == 0


def test_nothing_to_train_on_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no samples"):
        fit(nn.Linear(1, 1), lambda p, g: torch.zeros(()), samples=0, schedule=SCHEDULE, seed=0, what="x", work=None)


def test_derived_seeds_depend_on_every_part() -> None:
    seeds = {derived_seed(0), derived_seed(1), derived_seed(0, "a"), derived_seed(0, "a", 1), derived_seed(0, "a", 2)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)

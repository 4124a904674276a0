"""Parameters with other values, as the ablations of a protocol ask for them."""

from mmbind.config import load_params
from tests.support import ROOT


def test_settings_that_files_and_cards_leave_out_can_be_changed() -> None:
    """Where they say nothing, several rounds and bridges are not written down; they are parameters all the same."""
    params = load_params(ROOT / "params.yaml")
    changed = params.changed({"training.student.rounds": 2, "binding.bridges.max_hops": 3})
    assert (params.training.student.rounds, params.binding.bridges.max_hops) == (1, 2)
    assert (changed.training.student.rounds, changed.binding.bridges.max_hops) == (2, 3)
    again = changed.changed({"training.student.rounds": 1, "binding.bridges.max_hops": 2})
    assert again == params

"""What the rotations page says follows from the figures."""

from __future__ import annotations

import pytest

from mmbind.evaluation.proof import Proof, RotationResult


def result(name: str, purity: float | None, test: str, **accuracies: list[float]) -> RotationResult:
    runs = [
        {"method": method, "seed": seed, "accuracy": value, "macro_f1": value / 2}
        for method, values in accuracies.items()
        for seed, value in enumerate(values)
    ]
    return RotationResult(name, {"A": ["1"], "test": [test]}, purity, {"labels": 4}, runs)


TWO = Proof(
    [
        result("r0", 0.7, "8", lower=[0.5, 0.7], mmbind=[0.7, 0.9], oracle=[0.9, 0.9]),
        result("r1", 0.8, "7", lower=[0.6, 0.6], mmbind=[0.65, 0.75], oracle=[0.8, 0.8]),
    ]
)


def test_figures_are_averaged_over_seeds_then_rotations() -> None:
    assert TWO.purity == {"mean": 0.75, "deviation": 0.070711}
    assert TWO.over_rotations("mmbind", "accuracy") == {"mean": 0.75, "deviation": 0.070711}
    assert TWO.over_rotations("lower", "macro_f1") == {"mean": 0.3, "deviation": 0.0}
    assert TWO.differences == {"r0": 0.2, "r1": 0.1}
    assert TWO.to_dict()["mmbind_minus_lower"] == {
        "by_rotation": {"r0": 0.2, "r1": 0.1},
        "mean": 0.15,
        "deviation": 0.070711,
    }


def test_reading_says_that_people_recur_and_who_wins() -> None:
    text = " ".join(TWO.reading())
    assert "75.0 %" in text
    assert (
        "MMBind and the lower bound: no verdict from fewer than 3 rotations (+15.0 points of accuracy on average"
        in text
    )
    assert "+10.0 points" in text
    assert "The same people recur in other roles across rotations, though each is tested once" in text
    assert "though" not in " ".join(Proof([TWO.rotations[0], TWO.rotations[0]]).reading())


@pytest.mark.parametrize(
    ("mmbind", "said"),
    [
        (
            [0.40, 0.41, 0.39, 0.40],
            "MMBind loses 20.0 points of accuracy against the lower bound (95 % interval -21.3",
        ),
        (
            [0.70, 0.71, 0.69, 0.70],
            "MMBind gains 10.0 points of accuracy over the lower bound (95 % interval +8.7",
        ),
        (
            [0.70, 0.58, 0.66, 0.62],
            "no difference that these rotations can show (+4.0 points",
        ),  # +4 points, interval -4.3 to 12.3
        ([0.70], "no verdict from fewer than 3 rotations"),
    ],
)
def test_reading_takes_noise_for_noise(mmbind: list[float], said: str) -> None:
    proof = Proof([result(f"r{n}", None, str(n), lower=[0.6], mmbind=[value]) for n, value in enumerate(mmbind)])
    assert any(said in line for line in proof.reading())
    assert proof.purity is None


def test_page_has_a_column_per_rotation() -> None:
    lines = TWO.markdown().splitlines()
    assert "|  | r0 | r1 | all |" in lines
    assert "| pair purity | 0.700 | 0.800 | 0.750 ± 0.071 |" in lines
    assert "| lower, accuracy | 0.600 ± 0.141 | 0.600 ± 0.000 | 0.600 ± 0.000 |" in lines
    assert "| mmbind - lower, accuracy | +0.200 | +0.100 | +0.150 ± 0.071 |" in lines
    assert "| r1 | 1 | 7 |" in lines
    assert TWO.rotation_lines()[0] == "r0: purity 0.700, lower 0.600, mmbind 0.800, oracle 0.900"


def test_a_single_rotation_and_none_are_readable() -> None:
    assert "recur" not in " ".join(Proof([TWO.rotations[0]]).reading())
    assert Proof([]).reading() == ["No rotation is finished."]

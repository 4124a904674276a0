"""What the figures of one table say in plain language. Every sentence is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mmbind.config import TEST
from mmbind.reports.comparison import FEWEST
from mmbind.reports.evaluation_page import OURS, TITLES, title
from mmbind.reports.results.statistics import Difference, difference, spread

#: Methods that see what the others must not.
CONTROLS = ("upper", "oracle")
#: Points that the recipe may lie behind the same recipe on pairs by true label.
ORACLE_POINTS = 2.0


@dataclass(frozen=True)
class Recipe:
    """MMBind's recipe in a study.

    Attributes:
        parts: what it is made of, in a few words.
        control: the method that is nearest to it without pairs: ``self_training`` where it has a student, else ``mim``.
    """

    parts: str = "pre-training on pairs, answers spread over pairs and over neighbours"
    control: str = "self_training"


@dataclass(frozen=True)
class Reading:
    """A table in words.

    Attributes:
        sentences: in the order of importance.
        verdict: a few words for the overview: what became of the goals.
    """

    sentences: list[str]
    verdict: str


def read(runs: pl.DataFrame, recipe: Recipe) -> Reading:
    """Reads the runs of one task, label count and draw.

    Args:
        runs: :data:`mmbind.reports.results.RUNS` of reported rotations; at least one.
        recipe: MMBind's in this study.
    """
    there = ordered(runs)
    if OURS not in there:
        return Reading(["MMBind has no stored run here, so nothing can be said of it."], "MMBind was not run")
    rivals = [name for name in there if name not in (OURS, *CONTROLS)]
    against = {name: found for name in rivals if (found := difference(runs, OURS, name)) is not None}
    own = runs.filter(pl.col("method") == OURS)
    said = [
        f"MMBind answers {_percent(own)} of the test windows rightly, over "
        f"{_counted(own['rotation'].n_unique(), 'rotation')} and {_counted(own.height, 'run')}."
    ]
    said += _against(against)
    said += _by_seed(against)
    every, why = _goal_of_rivals(against, [name for name in rivals if name not in against])
    oracle, gap = _goal_of_oracle(runs)
    said += [why, gap, *_use_of_binding(runs, recipe)]
    return Reading(
        [sentence for sentence in said if sentence], f"beats every rival: {every}; near the oracle: {oracle}"
    )


def recurring(people: Mapping[str, Mapping[str, Sequence[str]]], tuning: Sequence[str], reported: Sequence[str]) -> str:
    """How often people are tested, and how far they are new to the settings.

    Args:
        people: subjects by rotation and role; none where a role has all people of its sources.
        tuning: rotations on which settings were chosen.
        reported: rotations that are reported.

    Returns:
        A sentence or two; nothing where the people who are tested are not named.
    """

    def tested(rotations: Sequence[str]) -> Counter[str]:
        return Counter(person for name in rotations for person in people.get(name, {}).get(TEST, ()))

    found, before = tested(reported), tested(tuning)
    if not found:
        return ""
    often = sum(count > 1 for count in found.values())
    said = f"Of the {len(found)} people who are tested, {often or 'none'} are tested in more than one rotation."
    if not tuning:
        return said
    if not (again := found.keys() & before.keys()):
        return f"{said} None of them was tested while settings were chosen."
    return (
        f"{said} {len(again)} were also tested while settings were chosen, so the figures are rather too good than "
        "too bad."
    )


def ordered(runs: pl.DataFrame) -> list[str]:
    """Methods with runs, in the order of the tables."""
    found = set(runs["method"])
    return [*(name for name in TITLES if name in found), *sorted(found - set(TITLES))]


def points(found: Difference) -> str:
    """A difference in points of accuracy with its interval, e.g. ``+3.2 [+1.0, +5.4]``.

    A ``°`` marks one whose t interval holds zero, though the interval that is shown does not.
    """
    if found.interval is None:
        return f"{_signed(found.mean)} ({_counted(len(found.by_rotation), 'rotation')}, no interval)"
    return f"{_signed(found.mean)} {_ends(found.interval)}{'°' if found.doubtful else ''}"


def _against(against: dict[str, Difference]) -> list[str]:
    groups = (
        ("It is ahead, with both intervals above zero, of", [n for n, found in against.items() if found.above]),
        ("It is behind, with both intervals below zero,", [n for n, found in against.items() if found.below]),
        (
            "By both intervals it is not told apart from",
            [n for n, f in against.items() if f.interval is not None and not f.above and not f.below],
        ),
    )
    return [f"{text} {_listed(against, names)}." for text, names in groups if names]


def _by_seed(against: dict[str, Difference]) -> list[str]:
    """Whether the seeds say the same: what a seed is worth is hidden where they are averaged."""
    said = []
    for name, found in against.items():
        if len(found.by_seed) < 2:
            continue
        means = ", ".join(f"{_signed(mean)} (seed {seed})" for seed, mean in found.by_seed.items())
        said.append(f"{title(name)} {means}")
    return [f"Over rivals, seed by seed: {'; '.join(said)}."] if said else []


def _goal_of_rivals(against: dict[str, Difference], unpaired: list[str]) -> tuple[str, str]:
    """What became of the first goal, for the overview and in a sentence.

    Args:
        against: differences to rivals.
        unpaired: rivals that share no rotation and seed.
    """
    if not against and not unpaired:
        return "no rival was run", "No rival has a run here."
    goal = "Goal 'beats the lower bound and every rival, with both intervals above zero'"
    missed = [name for name, found in against.items() if found.interval is not None and not found.above]
    if missed:
        worst = min(missed, key=lambda name: against[name].mean)
        beaten, ahead = sum(f.above for f in against.values()), sum(f.mean > 0 for f in against.values())
        return f"no (of {len(against)} that were run: {beaten}, on average ahead of {ahead})", (
            f"{goal}: missed against {', '.join(title(name) for name in missed)}; hardest is {title(worst)} "
            f"({points(against[worst])} points)."
        )
    if unpaired:
        names = ", ".join(title(name) for name in unpaired)
        return "cannot be judged", (
            f"{goal}: cannot be judged, since no run of MMBind has the rotation and seed of any run of {names}."
        )
    few = min(len(found.by_rotation) for found in against.values())
    if any(found.interval is None for found in against.values()):
        return "too few rotations", (
            f"{goal}: cannot be judged, since an interval over {_counted(few, 'rotation')} makes no sense (it takes "
            f"{FEWEST})."
        )
    absent = [title(name) for name in TITLES if name not in (OURS, *CONTROLS, *against)]
    among = f"{len(against)} that were run ({len(absent)} were not)" if absent else f"all {len(against)}"
    without = f" No run here of: {', '.join(absent)}." if absent else ""
    return f"yes, {'of ' if absent else ''}{among}", f"{goal}: reached against {among}.{without}"


def _goal_of_oracle(runs: pl.DataFrame) -> tuple[str, str]:
    found = difference(runs, "oracle", OURS)
    if found is None:
        return "not run", ""
    if found.interval is None or found.student is None:
        short, became = "too few rotations", "cannot be judged"
    elif 100 * max(found.interval[1], found.student[1]) <= ORACLE_POINTS:
        short, became = "yes", "reached"
    elif 100 * found.mean <= ORACLE_POINTS:
        short, became = "on average", "reached on average, not by both intervals"
    else:
        short, became = "no", "missed"
    ideal = difference(runs, "oracle", "lower")
    if ideal is not None and ideal.interval is not None and not ideal.above:
        short += " (which is not shown to beat the lower bound)"
    student = "" if found.student is None else f"; by Student's t {_ends(found.student)}"
    return short, (
        f"Goal 'within {ORACLE_POINTS:g} points of the same recipe on pairs by true label': "
        f"{became} (the oracle is {points(found)} points away{student})."
    )


def _use_of_binding(runs: pl.DataFrame, recipe: Recipe) -> list[str]:
    """Whether pairs are worth anything, whatever else the recipe does."""
    said = []
    if (control := difference(runs, OURS, recipe.control)) is not None:
        said.append(_help(f"the whole recipe ({recipe.parts})", title(recipe.control), control))
    for paper in ("mmbind_paper_weighted", "mmbind_paper"):
        if (found := difference(runs, paper, "lower")) is not None:
            said.append(_help(f"the paper's pre-training ({title(paper)})", "training on the labels alone", found))
    if (ideal := difference(runs, "oracle", recipe.control)) is not None:
        said.append(_help("the same recipe on pairs by true label", title(recipe.control), ideal))
    return said


def _help(what: str, rival: str, found: Difference) -> str:
    what = what[0].upper() + what[1:]
    if found.interval is None:
        return f"{what} against {rival}: {_signed(found.mean)} points, from too few rotations for a verdict."
    if found.above:
        return f"{what} helps against {rival}: {points(found)} points."
    if found.below:
        return f"{what} harms against {rival}: {points(found)} points."
    return f"{what} is not shown to help or harm against {rival}: {points(found)} points."


def _signed(share: float) -> str:
    """A difference of shares in points; none is never negative."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _ends(interval: tuple[float, float]) -> str:
    return f"[{_signed(interval[0])}, {_signed(interval[1])}]"


def _listed(against: dict[str, Difference], names: list[str]) -> str:
    return ", ".join(f"{title(name)} ({points(against[name])})" for name in names)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _percent(runs: pl.DataFrame) -> str:
    mean, deviation = spread(runs["accuracy"])
    return f"{100 * mean:.1f} %" + ("" if deviation is None else f" (± {100 * deviation:.1f})")

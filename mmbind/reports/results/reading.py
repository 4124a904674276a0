"""What the figures of one table say in plain language. Every sentence is computed."""

from __future__ import annotations

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
class Reading:
    """A table in words.

    Attributes:
        sentences: in the order of importance.
        verdict: a few words for the overview: what became of the goals.
    """

    sentences: list[str]
    verdict: str


def read(runs: pl.DataFrame) -> Reading:
    """Reads the runs of one task, label count and draw.

    Args:
        runs: :data:`mmbind.reports.results.RUNS` of reported rotations; at least one.
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
    judged = all(found.interval is not None for found in against.values())
    said += _against(against)
    said += _by_seed(against)
    every, why = _goal_of_rivals(against, judged)
    oracle, gap = _goal_of_oracle(runs)
    said += [why, gap, *_use_of_binding(runs)]
    return Reading(
        [sentence for sentence in said if sentence], f"beats every rival: {every}; near the oracle: {oracle}"
    )


def recurring(people: Mapping[str, Mapping[str, str]], tuning: Sequence[str], reported: Sequence[str]) -> str:
    """How far the people who are tested are new to the settings.

    Args:
        people: subjects by rotation and role, as text.
        tuning: rotations on which settings were chosen.
        reported: rotations that are reported.
    """

    def tested(rotations: Sequence[str]) -> set[str]:
        texts = (people.get(name, {}).get(TEST, "") for name in rotations)
        return {person.strip() for text in texts for person in text.split(",") if person.strip()}

    found, before = tested(reported), tested(tuning)
    if not found & before:
        return "People recur across rotations; none of those tested was tested while settings were chosen."
    return (
        f"People recur across rotations: {len(found & before)} of the {len(found)} who are tested were also tested, "
        "with others in the other roles, while settings were chosen, so the figures are rather too good than too bad."
    )


def ordered(runs: pl.DataFrame) -> list[str]:
    """Methods with runs, in the order of the tables."""
    found = set(runs["method"])
    return [*(name for name in TITLES if name in found), *sorted(found - set(TITLES))]


def points(found: Difference) -> str:
    """A difference in points of accuracy with its interval, e.g. ``+3.2 [+1.0, +5.4]``.

    A ``°`` marks one whose t interval holds zero, though the interval that is shown does not.
    """
    mean = f"{100 * found.mean:+.1f}"
    if found.interval is None:
        return f"{mean} (no interval)"
    mark = "°" if found.doubtful else ""
    return f"{mean} [{100 * found.interval[0]:+.1f}, {100 * found.interval[1]:+.1f}]{mark}"


def _against(against: dict[str, Difference]) -> list[str]:
    groups = (
        ("It is ahead, with both intervals above zero, of", [n for n, found in against.items() if found.above]),
        ("It is behind, with both intervals below zero,", [n for n, found in against.items() if found.below]),
        (
            "These rotations show no difference from",
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
        means = ", ".join(f"{100 * mean:+.1f} (seed {seed})" for seed, mean in found.by_seed.items())
        said.append(f"{title(name)} {means}")
    return [f"Over rivals, seed by seed: {'; '.join(said)}."] if said else []


def _goal_of_rivals(against: dict[str, Difference], judged: bool) -> tuple[str, str]:
    if not against:
        return "no rival was run", "No rival has a run of the same rotation and seed."
    if not judged:
        few = min(len(found.by_rotation) for found in against.values())
        return "too few rotations", (
            "Goal 'beats the lower bound and every rival': cannot be judged, since an interval over "
            f"{_counted(few, 'rotation')} makes no sense (it takes {FEWEST})."
        )
    missed = [name for name, found in against.items() if not found.above]
    absent = [title(name) for name in TITLES if name not in (OURS, *CONTROLS, *against)]
    if not missed:
        among = f"{len(against)} that were run ({len(absent)} were not)" if absent else f"all {len(against)}"
        without = f" No run here of: {', '.join(absent)}." if absent else ""
        said = f"reached against {among}.{without}"
        return (
            f"yes, {'of ' if absent else ''}{among}",
            f"Goal 'beats the lower bound and every rival, with both intervals above zero': {said}",
        )
    worst = min(missed, key=lambda name: against[name].mean)
    return "no", (
        f"Goal 'beats the lower bound and every rival, with both intervals above zero': missed against "
        f"{', '.join(title(name) for name in missed)}; hardest is {title(worst)} ({points(against[worst])} points)."
    )


def _goal_of_oracle(runs: pl.DataFrame) -> tuple[str, str]:
    found = difference(runs, "oracle", OURS)
    if found is None:
        return "not run", ""
    if found.interval is None:
        short, became = "too few rotations", "cannot be judged"
    elif 100 * found.interval[1] <= ORACLE_POINTS:
        short, became = "yes", "reached"
    elif 100 * found.mean <= ORACLE_POINTS:
        short, became = "on average", "reached on average, not by the whole interval"
    else:
        short, became = "no", "missed"
    return short, (
        f"Goal 'within {ORACLE_POINTS:g} points of the same recipe on pairs by true label': "
        f"{became} (the oracle is {points(found)} points away)."
    )


def _use_of_binding(runs: pl.DataFrame) -> list[str]:
    """Whether pairs are worth anything, whatever else the recipe does."""
    said = []
    if (student := difference(runs, OURS, "self_training")) is not None:
        whole = "the whole recipe (pre-training on pairs, answers spread over them and over neighbours)"
        said.append(_help(whole, "self-training without any of it", student))
    for paper in ("mmbind_paper_weighted", "mmbind_paper"):
        if (found := difference(runs, paper, "lower")) is not None:
            said.append(_help(f"the paper's pre-training ({title(paper)})", "training on the labels alone", found))
    if (ideal := difference(runs, "oracle", "self_training")) is not None:
        said.append(_help("even binding by true label", "self-training without pairs", ideal))
    return said


def _help(what: str, rival: str, found: Difference) -> str:
    what = what[0].upper() + what[1:]
    if found.interval is None:
        return f"{what} against {rival}: {100 * found.mean:+.1f} points, from too few rotations for a verdict."
    if found.above:
        return f"{what} helps against {rival}: {points(found)} points."
    if found.below:
        return f"{what} harms against {rival}: {points(found)} points."
    return f"{what} does not help measurably against {rival}: {points(found)} points."


def _listed(against: dict[str, Difference], names: list[str]) -> str:
    return ", ".join(f"{title(name)} ({points(against[name])})" for name in names)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _percent(runs: pl.DataFrame) -> str:
    mean, deviation = spread(runs["accuracy"])
    return f"{100 * mean:.1f} %" + ("" if deviation is None else f" (± {100 * deviation:.1f})")

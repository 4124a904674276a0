"""Which stored runs are of other code or parameters than the present ones, in words."""

from __future__ import annotations

import polars as pl

from mmbind.reports.evaluation_page import title
from mmbind.reports.results.checks import checked
from mmbind.reports.results.study_results import Present, StudyResults
from mmbind.reports.results.tables import KEYS


def versions_said(study: StudyResults, present: Present) -> list[str]:
    """Sentences about runs of other versions, of runs that were checked, and of methods without any.

    Args:
        study: with one stored run at least.
        present: versions of now.
    """
    runs, said = study.results.runs, []
    equal = checked(runs, study.checks, present.code)
    stands = pl.struct("digest", *KEYS).is_in(equal.select(pl.struct("digest", *KEYS)).to_series().implode())
    for column, up_to_date, what in (
        ("code", (pl.col("code") == present.code) | stands, "code that trains"),
        ("settings", study.settings(present), "parameters of training"),
    ):
        old = runs.filter(~up_to_date)
        if old.height:
            versions = old.group_by(column).len().sort(column).iter_rows()
            which = ", ".join(f"`{version}`: {count}" for version, count in versions)
            said.append(
                f"**{old.height} of {runs.height} runs are of another version of the {what} than the present one "
                f"({which}).** {_anew(study, old)}"
            )
    if said and equal.height:
        said.append(f"Others, {equal.height}, were trained by earlier versions of the code; {_tried(equal)}.")
    elif equal.height:
        said.append(
            f"All {runs.height} stored runs are of the present parameters of training. {runs.height - equal.height} "
            f"were trained by the present code, {equal.height} by earlier versions; {_tried(equal)}."
        )
    elif not said:
        said.append(f"All {runs.height} stored runs are of the present code and parameters of training.")
    said.append("(What changes in the binding only `mmbind results run` notices.)")
    missing = [name for name in study.methods if name not in set(runs["method"])]
    if missing:
        said.append(f"Without any run: {', '.join(title(name) for name in missing)}.")
    return said


def _tried(equal: pl.DataFrame) -> str:
    """What runs of earlier code were held against the present one."""
    tried = int(equal["tried"].sum())
    others = equal.height - tried
    return (
        f"the present one was tried on {tried} of these (`mmbind results check`), at least one of every task, "
        "ablation, label count, draw, method and version, and gave the same results to the last digit"
        + (f"; the other {others} are taken to be like those of their kind" if others else "")
    )


def _anew(study: StudyResults, old: pl.DataFrame) -> str:
    """How runs are trained again, as far as they can be."""
    known = pl.col("ablation").is_in(["", *study.ablations]) & pl.col("rotation").is_in(
        [*study.tuning, *study.reported]
    )
    there, lost = old.filter(known), old.filter(~known).height
    options = [
        *(f"--ablation {name}" for name in study.ablations if name in set(there["ablation"])),
        *(f"--rotation {name}" for name in study.tuning if name in set(there["rotation"])),
    ]
    said = f"`mmbind results run --study {study.path}` makes them anew" if there.height else ""
    if said and options:
        said += f" ({', '.join(f'`{option}`' for option in options)} for those)"
    if lost:
        said += f"{'; ' if said else ''}{lost} are of ablations or rotations that `params.yaml` no longer names"
    return f"{said}."

"""A gate behind a stage: its summary judged by its suite, where the study has one."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from mmbind.files import write_json
from mmbind.study import Study
from mmbind.validation.judge import judge
from mmbind.validation.judgement import Judgement
from mmbind.validation.suites import load_suite
from mmbind.validation.summary import figures_of
from mmbind.validation.table import Table

#: The judgement's file beside what it judges.
JUDGEMENT = "judgement.json"


def judge_output(
    study: Study, table: Table, summary: pl.DataFrame, folder: Path, *, about: str, place: Path, source: str = ""
) -> Judgement | None:
    """Judges what a stage is about to leave, and writes the judgement beside it.

    The pipeline is not stopped here: the caller first moves its output into place, so that
    people can look at what was refused, and then calls :meth:`Judgement.enforce`.

    Args:
        study: the study; its suites lie in ``study.suites``.
        table: what the summary is.
        summary: the figures.
        folder: where the output is being written.
        about: what messages call the output.
        place: where the output will lie.
        source: the source, whose own suite may replace rules; empty for what is of no single source.

    Returns:
        The judgement; None in a study without a suite of this name, as those begun before it
        existed are: nothing is judged there.

    Raises:
        ConfigError: when a suite is wrong.
    """
    if not (study.suites / f"{table.name}.json").is_file():
        return None
    suite = load_suite(study.suites, table, source)
    judgement = Judgement(
        about=about,
        suites=[path.name for path in suite.files],
        verdicts=judge(summary, suite),
        figures=figures_of(summary),
        path=place / JUDGEMENT,
    )
    write_json(folder / JUDGEMENT, judgement.to_dict())
    return judgement

"""``mmbind advise``: what to compare windows by. Heavy imports wait inside the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from mmbind.cli.options import STUDY

if TYPE_CHECKING:
    from mmbind.advice import Advice

_ALIGNMENTS = ("none", "centre", "standardise", "whiten", "coral")


@click.command()
@STUDY
@click.option("--learned", is_flag=True, help="Try the encoders that are trained, too (minutes).")
@click.option(
    "--align",
    "alignments",
    multiple=True,
    type=click.Choice([*_ALIGNMENTS, "all"]),
    help="Alignment of sources to try; may be repeated. [default: none]",
)
@click.option("--windows", default=1000, show_default=True, type=click.IntRange(2), help="Windows per role, at most.")
@click.option("--top", default=20, show_default=True, type=click.IntRange(1), help="Candidates to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def advise(study: str, learned: bool, alignments: tuple[str, ...], windows: int, top: int, as_json: bool) -> None:
    """Rank shared modalities and encoders without labels.

    Needs the study's roles (dvc repro assign). Where true labels are known, the last lines say how well
    the ranking agrees with the purity of nearest partners. Everything is kept in data/advice/advice.json.
    """
    from typing import cast

    from mmbind.advice import advise as rank
    from mmbind.config.shared import AlignmentName
    from mmbind.study import Study

    chosen = _ALIGNMENTS if "all" in alignments else alignments or ("none",)
    named = [cast(AlignmentName, name) for name in _ALIGNMENTS if name in chosen]
    advice = rank(Study.load(study), learned=learned, alignments=named, limit=windows)
    if as_json:
        click.echo(json.dumps(advice.to_dict(), indent=2))
    else:
        _show(advice, top)


def _show(advice: Advice, top: int) -> None:
    from rich.table import Table

    from mmbind.advice.advise import FIGURES
    from mmbind.cli.tables import print_table

    table = Table(
        title=f"{len(advice.rows)} candidates, ranked without labels; more is better, score is cycle x agreement"
    )
    for name in ("modality", "encoder", "representation", "align"):
        table.add_column(name)
    for name in (*FIGURES, "score", "purity"):
        table.add_column(name, justify="right")
    for row in advice.rows[:top]:
        figures = [f"{row[name]:.3f}" for name in FIGURES]
        purity = "-" if row["purity"] is None else f"{row['purity']:.3f}"
        table.add_row(
            row["modality"],
            row["encoder"],
            row["representation"],
            row["align"],
            *figures,
            f"{row['score']:.3f}",
            purity,
        )
    print_table(table)
    if advice.agreement is None:
        click.echo("purity: too few true labels are known to check the ranking")
    else:
        told = ", ".join(f"{name} {value:+.2f}" for name, value in advice.agreement.items())
        click.echo(f"rank correlation with purity: {told}")
    for name, why in advice.refused.items():
        click.echo(f"not tried: {name}: {why}")
    best = advice.rows[0]
    settings = ", ".join(f"{key}: {best[key]}" for key in ("modality", "encoder", "representation", "align"))
    click.echo(f"first by the figures without labels: shared: {{{settings}}}")

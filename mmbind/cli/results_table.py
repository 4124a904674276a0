"""The table of results that ends a run."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from mmbind.errors import MissingStageError
from mmbind.files import read_json
from mmbind.study import Study


def results_lines(study: Study) -> list[str]:
    """Binding quality, the methods' accuracy on the test people, and the reports' paths.

    Args:
        study: a study that has been evaluated.

    Returns:
        Lines of text.

    Raises:
        MissingStageError: before the stages report and evaluate have run.
    """
    for name, stage in (("binding", "report"), ("evaluation", "evaluate")):
        if not study.metrics(name).is_file():
            raise MissingStageError(study.metrics(name), stage)
    binding, evaluation = read_json(study.metrics("binding")), read_json(study.metrics("evaluation"))
    table = Table()
    table.add_column("method")
    for column in ("accuracy", "macro-F1"):
        table.add_column(column, justify="right")
    methods = evaluation["methods"]
    for method in [name for name in study.params.evaluation.methods if name in methods]:
        table.add_row(method, *(_spread(methods[method][figure]) for figure in ("accuracy", "macro_f1")))
    text = io.StringIO()
    Console(file=text, width=100).print(table)
    lines = [_heading(evaluation), *text.getvalue().rstrip().splitlines()]
    if "purity" in binding:
        purity = binding["purity"]
        lines.append(f"pairs with the same true label: {purity['mean']:.3f} (chance {purity['chance']:.3f})")
    lines.append(f"binding report:    {study.report('binding').resolve()}")
    lines.append(f"evaluation report: {study.report('evaluation').resolve()}")
    return lines


def _heading(evaluation: dict[str, object]) -> str:
    return (
        f"{evaluation['test_windows']} windows of the test people, {evaluation['labels']} labels, "
        f"chance {evaluation['chance']:.3f}"
    )


def _spread(figure: dict[str, float]) -> str:
    spread = f" ± {figure['deviation']:.3f}" if "deviation" in figure else ""
    return f"{figure['mean']:.3f}{spread}"

"""What the Prefect UI shows of a run: the binding report and the tables of figures."""

from __future__ import annotations

from typing import Any

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from mmbind.files import read_json
from mmbind.study import Study

#: Metrics files that a full run leaves.
METRICS = ("binding", "train", "evaluation")


def publish(study: Study) -> None:
    """Publishes the study's reports and metrics as artifacts of the present flow run.

    Args:
        study: a study whose stages have been walked.
    """
    key = study.root.resolve().name.lower().replace("_", "-")
    for name in ("binding", "evaluation"):
        path = study.report(name).resolve()
        create_link_artifact(link=path.as_uri(), link_text=str(path), key=f"{key}-{name}-report")
    figures = {name: flat(read_json(study.metrics(name))) for name in METRICS}
    create_table_artifact(
        key=f"{key}-metrics",
        table=[{"file": name, "figure": figure, "value": value} for name in METRICS for figure, value in figures[name]],
        description="The figures of data/metrics",
    )
    version = read_json(study.bindings / "manifest.json")["id"]
    rows = [f"| {figure} | {value} |" for figure, value in figures["binding"]]
    heading = [f"# Binding {version}", "", f"Report: `{study.report('binding').resolve()}`", ""]
    create_markdown_artifact(
        key=f"{key}-binding",
        markdown="\n".join([*heading, "| figure | value |", "|---|---|", *rows]),
        description="The binding report's figures",
    )


def flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Nested figures as ``(dotted name, value)`` rows, floats rounded to 4 digits."""
    if isinstance(value, dict):
        return [row for name, child in value.items() for row in flat(child, f"{prefix}.{name}" if prefix else name)]
    return [(prefix, round(value, 4) if isinstance(value, float) else value)]

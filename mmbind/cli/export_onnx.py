"""``mmbind export-onnx``: a trained model for programs without torch."""

from __future__ import annotations

from pathlib import Path

import click

from mmbind.cli.options import STUDY
from mmbind.cli.predict import MODEL


@click.command("export-onnx")
@STUDY
@MODEL
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write, .onnx.",
)
def export_onnx(study: str, model: Path | None, output: Path) -> None:
    """Write the trained model as ONNX, for onnxruntime and others.

    Needs the extra 'onnx'. The file is written only when its answers agree with torch on every
    subset of modalities.
    """
    from mmbind.inference.onnx_export import export_onnx as export
    from mmbind.study import Study

    for line in export(Study.load(study), output, model=model).lines():
        click.echo(line)

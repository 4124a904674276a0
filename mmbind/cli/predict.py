"""``mmbind predict``: a trained model at work."""

from __future__ import annotations

from pathlib import Path

import click

from mmbind.cli.options import STUDY

#: A model other than the study's own.
MODEL = click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the model; by default the study's data/models/multimodal.",
)


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@STUDY
@click.option("--source", help="The source whose format the logs have; needed where several fit, or none by name.")
@MODEL
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write one row per window into this file, .parquet or .csv.",
)
def predict(path: Path, study: str, source: str | None, model: Path | None, output: Path | None) -> None:
    """Label new raw logs, PATH being a file or a folder, by the trained model.

    The logs are read by their source's block of params.yaml and cut as in training, with whatever
    modalities they have. Nothing is written into the study.
    """
    from mmbind.inference import predict as label
    from mmbind.inference.predict import refuse_other_endings
    from mmbind.study import Study

    if output is not None:
        refuse_other_endings(output)
    found = label(Study.load(study), path, source=source, model=model)
    for line in found.lines():
        click.echo(line)
    if output is not None:
        found.write(output)
        click.echo(f"written: {output}")

"""The stage validate: are a source's records what they claim to be?"""

from __future__ import annotations

import polars as pl

from mmbind.errors import InputError, MissingStageError, nearest
from mmbind.files import read_json, write_json, write_parquet
from mmbind.study import Study
from mmbind.validation.columns import RECORDS
from mmbind.validation.conservation import check_conservation, manifest_counts
from mmbind.validation.judge import judge
from mmbind.validation.records_judgement import RecordsJudgement
from mmbind.validation.suites import load_suite
from mmbind.validation.summary import figures_of, summarise
from mmbind.validation.survey import survey

#: How many pairs of copies a judgement lists, and what it says of each.
LISTED = 20
NAMED_COPY = ("file", "modality", "other_file", "other_modality", "share")


def validate(study: Study, source: str) -> RecordsJudgement:
    """Judges a source's records and writes the judgement, whatever it is, and the fingerprints of its recordings.

    Args:
        study: the study; its suites lie in ``study.suites``.
        source: the source's name.

    Returns:
        The judgement, when no critical rule is broken.

    Raises:
        InputError: for an unknown source.
        MissingStageError: when the source is not ingested.
        ConfigError: when a suite is wrong.
        GateError: when a critical rule is broken or rows are not conserved.
    """
    if source not in study.params.sources:
        raise InputError(f"Unknown source {source!r}.", hint=nearest(source, study.params.sources))
    records = study.records(source)
    if not (records / "manifest.json").is_file():
        raise MissingStageError(records, "ingest")
    suite = load_suite(study.suites, RECORDS, source)
    manifest = read_json(records / "manifest.json")
    recordings = pl.read_parquet(records / "recordings.parquet")
    quarantine = pl.read_parquet(records / "quarantine.parquet")
    found = survey(records, manifest, recordings, study.params.sources[source])
    kept = pl.concat(
        [frame.select("file", "kept", modality=pl.lit(name)) for name, frame in found.measured.items()], how="vertical"
    )
    set_aside = quarantine.drop_nulls("modality").group_by("file", "modality").agg(quarantined=pl.len().cast(pl.Int64))
    summary = summarise(manifest, quarantine, found)
    judgement = RecordsJudgement(
        about=source,
        suites=[path.name for path in suite.files],
        verdicts=judge(summary, suite),
        conservation=check_conservation(manifest_counts(manifest), kept, set_aside),
        quarantined=dict(quarantine.group_by("rule").len().sort("rule").iter_rows()),
        figures=figures_of(summary),
        copies=found.copies.select(*NAMED_COPY).head(LISTED).to_dicts(),
        path=study.validation(source),
    )
    write_parquet(study.fingerprints(source), found.marks)
    write_json(study.validation(source), judgement.to_dict())
    judgement.enforce()
    return judgement

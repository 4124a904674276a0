"""The stages of ``dvc.yaml`` in walking order."""

from __future__ import annotations

from mmbind.config import Params

#: Stages that are walked once per source.
PER_SOURCE = ("ingest", "validate", "window")
#: Stages that are walked once per study.
PER_STUDY = ("assign", "fit-shared", "embed", "bind", "report", "train", "evaluate")


def stages(params: Params) -> list[str]:
    """Names of a study's DVC stages, each after those it depends on.

    Args:
        params: the study's parameters; its sources fan the first stages out.
    """
    fanned = [f"{stage}@{source}" for stage in PER_SOURCE for source in sorted(params.sources)]
    return [*fanned, *PER_STUDY]

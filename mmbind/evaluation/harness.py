"""Methods x seeds on the held-out people, under one protocol.

Every method gets the same networks, augmentation, loss, labels and fine-tuning, and the
same number of optimisation steps in pre-training: ``pretrain.epochs`` times the batches of
all unlabelled windows. A method with another number of samples takes the number of whole
epochs that comes nearest. Pre-training is repeated for each seed; schedules are fixed, so
nothing is chosen on the test windows, which each run answers once. Their labels are not
known to the runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmbind.config import MethodName
from mmbind.errors import MissingStageError
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods import METHODS
from mmbind.evaluation.runs import Request, Run, input_digests, run_keys
from mmbind.evaluation.worker import perform
from mmbind.parallel import each
from mmbind.progress import progress
from mmbind.study import Study
from mmbind.training.trainer import steps_per_epoch


@dataclass(frozen=True)
class Plan:
    """What an evaluation trains.

    Attributes:
        requests: methods x seeds, in the order of ``evaluation.methods`` and ``.seeds``.
        unavailable: methods that the study does not allow, and why.
        steps: optimisation steps of each pre-training.
    """

    requests: list[Request]
    unavailable: dict[MethodName, str]
    steps: int


def plan(study: Study) -> Plan:
    """Lists the runs of a study's evaluation.

    Raises:
        MissingStageError: before ``assign`` or ``bind`` was run.
    """
    params = study.params
    inputs = Inputs(study, params.training.seed)
    schedule = params.training.pretrain
    if not (study.bindings / "pairs.parquet").is_file():
        raise MissingStageError(study.bindings, "bind")
    windows = sum(len(store) for store in inputs.unlabelled.values())
    steps = schedule.epochs * steps_per_epoch(windows, schedule.batch)
    reasons = {method: METHODS[method].unavailable(inputs) for method in params.evaluation.methods}
    digests = input_digests(study)
    requests = []
    for method in (method for method, reason in reasons.items() if not reason):
        for seed in params.evaluation.seeds:
            key, pretraining = run_keys(study, method, seed, steps, digests)
            requests.append(
                Request(
                    root=str(study.root.resolve()),
                    data=str(study.data.resolve()),
                    params=params.model_dump_json(),
                    method=method,
                    seed=seed,
                    steps=steps,
                    key=key,
                    pretraining=pretraining,
                )
            )
    return Plan(requests, {method: reason for method, reason in reasons.items() if reason}, steps)


def run_methods(study: Study, planned: Plan) -> list[Run]:
    """Trains what is not yet kept and returns all runs in the plan's order.

    Args:
        study: the study.
        planned: its plan.
    """
    kept = {request.key: run for request in planned.requests if (run := Run.load(study.work(request.key))) is not None}
    missing = [request for request in planned.requests if request.key not in kept]
    missing.sort(key=lambda request: not METHODS[request.method].reads)  # short runs last, so that no worker idles
    finished = each(perform, missing, workers=study.params.evaluation.workers)
    for request, run in progress(finished, "evaluate: trainings", total=len(missing)):
        kept[request.key] = run
    return [kept[request.key] for request in planned.requests]

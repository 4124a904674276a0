"""Room: evaluation. Every rival in one harness, on people that training never saw."""

from mmbind.evaluation.evaluate import EvaluationSummary, evaluate
from mmbind.evaluation.rotations import RotationsSummary, run_rotations

__all__ = ["EvaluationSummary", "RotationsSummary", "evaluate", "run_rotations"]

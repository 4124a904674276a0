"""Room: evaluation. Every rival in one harness, on people that training never saw."""

from mmbind.evaluation.evaluate import EvaluationSummary, evaluate

__all__ = ["EvaluationSummary", "evaluate"]

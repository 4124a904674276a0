"""Room: training. Pseudo pairs and few labels become a multimodal model."""

from mmbind.training.stage import TrainSummary, train

__all__ = ["TrainSummary", "train"]

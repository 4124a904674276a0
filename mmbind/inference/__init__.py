"""Room: inference. A trained model labels logs that it has never seen, here or in another program."""

from mmbind.inference.predict import Prediction, predict

__all__ = ["Prediction", "predict"]

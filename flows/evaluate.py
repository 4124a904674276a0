"""Door of the stage ``evaluate``: ``python -m flows.evaluate``."""

from flows.doors import walk
from mmbind.evaluation import evaluate

if __name__ == "__main__":
    walk("evaluate", evaluate)

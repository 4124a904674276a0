"""Door of the stage ``train``: ``python -m flows.train``."""

from flows.doors import walk
from mmbind.training import train

if __name__ == "__main__":
    walk("train", train)

"""Door of the stage ``train``: ``python -m flows.train``, or torchrun with ``-m flows.train``."""

from flows.doors import walk_together
from mmbind.training import train

if __name__ == "__main__":
    walk_together("train", train)

"""Door of the stage ``embed``: ``python -m flows.embed``."""

from flows.doors import walk
from mmbind.encoders import embed

if __name__ == "__main__":
    walk("embed", embed)

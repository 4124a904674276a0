"""Door of the stage ``bind``: ``python -m flows.bind``."""

from flows.doors import walk
from mmbind.binding import bind

if __name__ == "__main__":
    walk("bind", bind)

"""Door of the stage ``window``: ``python -m flows.window SOURCE``."""

from flows.doors import walk_source
from mmbind.windows import cut_windows

if __name__ == "__main__":
    walk_source("window", cut_windows)

"""Door of the stage ``ingest``: ``python -m flows.ingest SOURCE``."""

from flows.doors import walk_source
from mmbind.sources import ingest

if __name__ == "__main__":
    walk_source("ingest", ingest)

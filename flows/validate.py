"""Door of the stage ``validate``: ``python -m flows.validate SOURCE``."""

from flows.doors import walk_source
from mmbind.validation import validate

if __name__ == "__main__":
    walk_source("validate", validate)

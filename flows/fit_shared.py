"""Door of the stage ``fit-shared``: ``python -m flows.fit_shared``."""

from flows.doors import walk
from mmbind.encoders import fit_shared_encoder

if __name__ == "__main__":
    walk("fit-shared", fit_shared_encoder)

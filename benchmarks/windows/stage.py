"""The stage itself, on the study of the first argument."""

from __future__ import annotations

import sys
from pathlib import Path

from mmbind.study import Study
from mmbind.windows import cut_windows

if __name__ == "__main__":
    cut_windows(Study.load(Path(sys.argv[1])), "s")

"""Memory of a search is bounded: it runs where a matrix of all similarities would not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unit.binding.rig import random_vectors

CODE = """
import resource, sys
import numpy as np
from mmbind.binding.search import nearest
nearest(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32), 1)  # imports and compiles before the limit
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
what, queries, lenders = sys.argv[2], *(np.load(path, mmap_mode="r") for path in sys.argv[3:])
if what == "search":
    found = nearest(queries, lenders, 4)
    print(found.positions.shape)
else:
    print((queries @ lenders.T).argmax(axis=1).shape)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="the limit is set from Linux' figures")
def test_search_needs_no_matrix_of_all_similarities(tmp_path: Path) -> None:
    # 16,000 x 16,000 similarities are 977 MiB; the search gets half of that, memory maps and threads included
    paths = [tmp_path / "queries.npy", tmp_path / "lenders.npy"]
    for seed, path in enumerate(paths):
        np.save(path, random_vectors(16_000, 16, seed))
    outcomes = {}
    for what in ("search", "matrix"):
        command = [sys.executable, "-c", CODE, "500", what, *map(str, paths)]
        outcomes[what] = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcomes["search"].stdout.strip() == "(16000, 4)", outcomes["search"].stderr
    assert "MemoryError" in outcomes["matrix"].stderr


BIND = """
import resource, sys
from pathlib import Path
from mmbind.binding import bind
from mmbind.study import Study
from tests.unit.binding.rig import random_vectors, two_roles
settings = dict(
    candidates=8, rerank={"kind": "dtw", "embedding": 0.5}, select={"kind": "transport"}, weight={"kind": "calibrated"}
)
folder, count, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
bind(two_roles(folder / "small", random_vectors(20), random_vectors(20, seed=1), **settings))  # imports and compiles
study = two_roles(folder / "large", random_vectors(count), random_vectors(count, seed=1), **settings)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + limit * 2**20,) * 2)
print(bind(study).manifest["counts"]["bound"])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="the limit is set from Linux' figures")
def test_no_step_of_binding_needs_a_matrix_of_all_pairs(tmp_path: Path) -> None:
    # 12,000 x 12,000 scores are 1.1 GiB; search, warping, transport and cycles get 400 MiB together
    command = [sys.executable, "-c", BIND, str(tmp_path), "12000", "400"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "24000", ran.stderr

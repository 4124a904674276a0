"""What makes numbers repeatable holds whatever else runs in the process."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from mmbind.config import Compute
from mmbind.learning.compute import half_precision, resolved

#: A fresh process, for numba starts its threads once.
CHILD = """
import numpy as np, torch
from mmbind.binding.rerank import warped_correlation
from mmbind.config import Compute
from mmbind.learning.compute import deterministic
deterministic(Compute(threads=1), 0)
before = torch.get_num_threads()  # torch settles on a count when it is first asked
windows = np.random.default_rng(0).normal(size=(8, 12, 3)).astype(np.float32)
warped_correlation(windows, windows, np.tile(np.arange(8), (8, 1)), 2)
print(before, torch.get_num_threads())
"""


def test_the_first_parallel_call_of_numba_leaves_torch_its_threads() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 1"


def test_auto_takes_bfloat16_only_where_the_cpu_multiplies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, half in {"avx512_bf16": True, "amx_bf16": True, "avx2": False}.items():
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name: {name: True, "avx512_vnni": True})
        assert half_precision(Compute(precision="auto")) is half
        assert resolved(Compute(precision="auto"))["precision"] == ("bfloat16" if half else "float32")
        assert half_precision(Compute(precision="bfloat16"))
        assert not half_precision(Compute(precision="float32"))

"""Freed memory is kept for the next block of its size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: Some blocks come and go: how much of them the process still holds, in MiB.
CODE = """
import resource, sys
import torch
from mmbind.learning.memory import keep_freed_memory
kept = sys.argv[1] == "kept" and keep_freed_memory()
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
def work():
    blocks = [torch.ones(400_000) for _ in range(12)]
    return resident()
work()
during = work()
print(kept, during - resident())
"""


def _given_back(what: str) -> tuple[bool, float]:
    told = subprocess.run([sys.executable, "-c", CODE, what], capture_output=True, text=True, check=True).stdout.split()
    return told[0] == "True", float(told[1])


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="memory is read from Linux' figures")
def test_blocks_that_come_and_go_stay_with_the_process() -> None:
    kept, given_back = _given_back("kept")
    if not kept:
        pytest.skip("the C library has nothing to set")
    assert given_back < 1

"""What makes numbers repeatable holds whatever else runs in the process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from mmbind.config import Compute
from mmbind.errors import InputError
from mmbind.learning import compute
from mmbind.learning.compute import deterministic, device_of, half_precision, possible, prepared_device, resolved

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
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    for name, half in {"avx512_bf16": True, "amx_bf16": True, "avx2": False}.items():
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name: {name: True, "avx512_vnni": True})
        assert half_precision(Compute(precision="auto")) is half
        assert resolved(Compute(precision="auto"))["precision"] == ("bfloat16" if half else "float32")
        assert half_precision(Compute(precision="bfloat16"))
        assert not half_precision(Compute(precision="float32"))


def test_where_torch_is_held_to_older_instructions_auto_stays_with_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert not half_precision(Compute(precision="auto"))
    assert half_precision(Compute(precision="bfloat16"))


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, wished = Compute(device="cuda"), Compute(device="auto", precision="auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolved(wished)["device"] == "cpu"
    with pytest.raises(InputError, match="sees no such GPU here") as refused:
        device_of(asked)
    assert refused.value.hint == "Use auto or cpu."
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for half, precision in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, half=half: half)
        assert resolved(wished) == {"device": "cuda", "precision": precision, "threads": 1}
    assert device_of(asked).type == "cuda"
    assert device_of(Compute()).type == "cpu"


def test_processes_that_train_together_stay_on_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(compute, "processes", lambda: 2)
    assert device_of(Compute(device="auto")).type == "cpu"
    with pytest.raises(InputError, match="2 processes train together"):
        device_of(Compute(device="cuda"))


def test_a_gpu_is_left_full_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    convolution, product = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolution.allow_tf32, product.allow_tf32, product.allow_bf16_reduced_precision_reduction
    try:
        convolution.allow_tf32 = product.allow_tf32 = product.allow_bf16_reduced_precision_reduction = True
        assert prepared_device(Compute(device="cuda")).type == "cuda"
        assert not convolution.allow_tf32
        assert not product.allow_tf32
        assert not product.allow_bf16_reduced_precision_reduction
    finally:
        convolution.allow_tf32, product.allow_tf32, product.allow_bf16_reduced_precision_reduction = before


def test_what_stays_on_the_cpu_asks_for_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    deterministic(Compute(device="cuda"), 0)
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] in (":4096:8", ":16:8")


def test_what_a_section_may_become_does_not_depend_on_the_machine() -> None:
    assert [(one["device"], one["precision"]) for one in possible(Compute(device="auto", precision="auto"))] == [
        ("cpu", "float32"),
        ("cpu", "bfloat16"),
        ("cuda", "float32"),
        ("cuda", "bfloat16"),
    ]
    for section in (Compute(), Compute(precision="auto"), Compute(device="auto")):
        assert resolved(section) in possible(section)
    assert possible(Compute(device="cuda")) == [{"device": "cuda", "precision": "float32", "threads": 1}]

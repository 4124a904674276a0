"""What numbers depend on beside data and parameters: device, threads, algorithms, random states."""

from __future__ import annotations

import os
from typing import Any

import numba
import torch

from mmbind.config import Compute
from mmbind.errors import InputError
from mmbind.files import digest_of
from mmbind.learning.processes import processes

#: Instructions that multiply bfloat16 with sums in float32, as torch names them.
NATIVE = ("avx512_bf16", "amx_bf16")


def device_of(compute: Compute) -> torch.device:
    """Where multimodal networks are trained, and answer right after.

    Raises:
        InputError: when a GPU is asked for and there is none, or several processes train together.
    """
    if compute.device == "cpu" or (compute.device == "auto" and (processes() > 1 or not torch.cuda.is_available())):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise InputError(
            f"compute.device is 'cuda', but PyTorch {torch.__version__} sees no such GPU here.", hint="Use auto or cpu."
        )
    if processes() > 1:
        raise InputError(
            f"compute.device is 'cuda', but {processes()} processes train together, which they do on CPUs.",
            hint="Start one process without torchrun, or use auto or cpu.",
        )
    return torch.device("cuda")


def deterministic(compute: Compute, seed: int) -> None:
    """Makes what follows in this process repeatable to the bit.

    Args:
        compute: its thread count is used; sums depend on it.
        seed: of torch's global generator, which initialises networks.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read at the first matrix product of a GPU
    numba.get_num_threads()  # starts its threads: once, and that sets the OpenMP count, which is that of torch, too
    torch.set_num_threads(compute.threads)
    torch.use_deterministic_algorithms(True)
    # filling memory that is about to be written costs 7 % of a step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


def prepared_device(compute: Compute) -> torch.device:
    """:func:`device_of`; a GPU is left full float32 where float32 is asked for, and sums in float32 of bfloat16.

    Raises:
        InputError: as :func:`device_of`.
    """
    device = device_of(compute)
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    return device


def resolved(compute: Compute) -> dict[str, Any]:
    """The section as JSON values; device and precision are those that trainings have on this machine.

    Where several processes train together, their number is there, too.
    """
    found = _settled(compute, device_of(compute).type, "bfloat16" if half_precision(compute) else "float32")
    return found if processes() == 1 else {**found, "processes": processes()}


def possible(compute: Compute) -> list[dict[str, Any]]:
    """What :func:`resolved` may give for one process, on one machine or another."""
    devices = ("cpu", "cuda") if compute.device == "auto" else (compute.device,)
    precisions = ("float32", "bfloat16") if compute.precision == "auto" else (compute.precision,)
    return [_settled(compute, device, precision) for device in devices for precision in precisions]


def half_precision(compute: Compute) -> bool:
    """Whether encoders are trained in bfloat16, on this machine.

    Where torch is held to older instructions (``ATEN_CPU_CAPABILITY=avx2``), ``auto`` counts the CPU as one that has no
    others.
    """
    if compute.precision != "auto":
        return compute.precision == "bfloat16"
    if device_of(compute).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found, held = torch.cpu.get_capabilities(), torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")
    return not held and any(found.get(name, False) for name in NATIVE)


def derived_seed(seed: int, *parts: str | int) -> int:
    """A seed in [0, 2**63) for one part of a piece of work.

    It depends on its arguments alone, so a resumed run needs no stored random state and
    the order of calls does not matter.

    Args:
        seed: the seed of the whole.
        parts: what tells the part from others, e.g. ``("pretrain", epoch)``.
    """
    return int(digest_of([seed, *parts])[:16], 16) >> 1


def _settled(compute: Compute, device: str, precision: str) -> dict[str, Any]:
    return {**compute.model_dump(mode="json"), "device": device, "precision": precision}

"""Where inner products are computed: FAISS on the CPU, or torch on a GPU (or, in tests, anywhere)."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np
import numpy.typing as npt

from mmbind.binding.search.candidates import Ints, Vectors
from mmbind.errors import InputError

#: Queries (m, d) and a number to products, float32 (m, number) in descending order, and rows.
Products = Callable[[Vectors, int], tuple[npt.NDArray[np.float32], Ints]]
#: Lenders that a GPU multiplies at once.
BLOCK = 1 << 17


def resolve(device: str) -> str:
    """``cpu`` or a torch device for what ``binding.search.device`` says.

    Raises:
        InputError: when a GPU is asked for and there is none.
    """
    if device == "cpu":
        return device
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise InputError("binding.search.device is 'cuda', but there is no GPU here.", hint="Use auto or cpu.")
    return "cpu"


def products_on(device: str, lenders: Vectors) -> Products:
    """The largest inner products with some lenders.

    Args:
        device: ``cpu`` for FAISS, or any torch device, ``torch-cpu`` for torch on the CPU.
        lenders: float32 (n, d).
    """
    if device == "cpu":
        return lambda queries, count: faiss.knn(queries, lenders, count, metric=faiss.METRIC_INNER_PRODUCT)
    return _on_torch(device.removeprefix("torch-"), lenders)


def _on_torch(device: str, lenders: Vectors) -> Products:
    import torch

    parts = [
        torch.from_numpy(np.array(lenders[start : start + BLOCK])).to(device) for start in range(0, len(lenders), BLOCK)
    ]

    def largest(queries: Vectors, count: int) -> tuple[npt.NDArray[np.float32], Ints]:
        asked = torch.from_numpy(np.array(queries)).to(device)
        values = torch.empty((len(queries), 0), device=device)
        rows = torch.empty((len(queries), 0), dtype=torch.int64, device=device)
        for number, part in enumerate(parts):
            here, places = torch.topk(asked @ part.T, min(count, len(part)), dim=1)
            values, rows = torch.cat([values, here], dim=1), torch.cat([rows, places + number * BLOCK], dim=1)
            values, order = torch.topk(values, min(count, values.shape[1]), dim=1)
            rows = torch.gather(rows, 1, order)
        return values.cpu().numpy(), rows.cpu().numpy()

    return largest

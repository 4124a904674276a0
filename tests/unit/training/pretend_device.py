"""A device that is not the CPU, on machines without a GPU: what lies on it is computed by the CPU, but apart.

A tensor there cannot meet one on the CPU, as on a GPU: so trainings on it show whether everything lies where it must.
What it cannot show is what a GPU's own kernels compute.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

NAME = "pretend"
#: What registered the device; it ends with the last reference.
KEPT: list[torch.library.Library] = []
#: Operations that may meet tensors of the CPU, as on a GPU: copies, and positions.
COPIES = ("aten::_copy_from", "aten::_to_copy", "aten::copy_")
INDEXED = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")


class Pretended(torch.Tensor):
    """A tensor on the device; ``inner`` is the one on the CPU that it stands for."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Pretended:
        outer = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=f"{NAME}:0",
        )
        outer.inner = inner
        return outer

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(operation, *args, **(kwargs or {}))


def computed(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """What an operation gives, on the CPU; refused where tensors lie on two devices."""
    name = operation._schema.name
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    apart = [tensor for tensor in given if not isinstance(tensor, Pretended) and tensor.dim()]
    if name in INDEXED and isinstance(args[0], Pretended):
        places = [id(place) for place in args[1]]
        apart = [tensor for tensor in apart if id(tensor) not in places]
    if apart and len(apart) < len(given) and name not in COPIES:
        raise RuntimeError(f"{name}: tensors on two devices")
    if name == "aten::_copy_from":
        _inner(args[1]).copy_(_inner(args[0]))
        return args[1]
    known = {id(tensor.inner): tensor for tensor in given if isinstance(tensor, Pretended)}
    leaves = name == "aten::_to_copy" and torch.device(kwargs.get("device") or NAME).type == "cpu"
    found = operation(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    if leaves:
        return found
    return tree_map(lambda part: _outer(part, known), found)


def _outer(part: Any, known: dict[int, torch.Tensor]) -> Any:
    """A result on the device; the tensor that was given where it was changed in place."""
    if not isinstance(part, torch.Tensor):
        return part
    return known[id(part)] if id(part) in known else Pretended(part)


def _inner(part: Any) -> Any:
    if isinstance(part, Pretended):
        return part.inner
    return torch.device("cpu") if isinstance(part, torch.device) else part


class _Module(_DummyBackendModule):
    """What autocast asks of a device."""

    @staticmethod
    def get_amp_supported_dtype() -> list[torch.dtype]:
        return [torch.bfloat16]


def pretend() -> torch.device:
    """Sets the device up, once in a process."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    everything, autocast = (torch.library.Library("_", "IMPL") for _ in range(2))
    everything.fallback(computed, "PrivateUse1")
    autocast.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")  # it casts nothing
    KEPT.extend([everything, autocast])
    return torch.device(f"{NAME}:0")

"""mmbind: pseudo-paired multimodal datasets and encoders from scattered sensor logs.

The package is one street, walked in one direction::

    sources -> validation -> windows -> roles -> encoders -> binding
            -> reports -> training -> evaluation

Every room offers one public function of the same name as its pipeline stage. What comes out
is opened with :func:`mmbind.load_binding`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmbind.dataset import load_binding

__version__ = "0.1.0"
__all__ = ["__version__", "load_binding"]


def __getattr__(name: str) -> object:
    """Imports what is heavy when it is asked for."""
    if name == "load_binding":
        from mmbind.dataset import load_binding

        return load_binding
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

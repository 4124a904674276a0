"""The search: exact, or approximate where it pays and its recall is proven."""

from __future__ import annotations

from dataclasses import replace

from mmbind.binding.search.approximate import approximate_nearest, unsuited
from mmbind.binding.search.candidates import Candidates, Vectors
from mmbind.binding.search.exact import exact_nearest
from mmbind.binding.search.products import resolve
from mmbind.config.binding import Search


def nearest(queries: Vectors, lenders: Vectors, k: int, settings: Search | None = None) -> Candidates:
    """Finds the k most similar lenders of every query by cosine.

    The answer is the same to the byte for any number of threads and on any device; it follows
    the windows when queries or lenders come in another order, as long as the search is exact.
    An approximate search depends on the order too: sort windows by id, as the stores do.

    Args:
        queries: unit vectors, float32 (m, d), also as a memory map.
        lenders: unit vectors, float32 (n, d), in the order in which ties are won.
        k: how many to find; at most n are.
        settings: ``binding.search``; the defaults when None.

    Returns:
        Candidates of shape (m, min(k, n)). Memory beside the inputs: O(m k), and an index of
        at most ``settings.max_memory_gb``.

    Raises:
        InputError: when a GPU is asked for and there is none.
    """
    settings = settings or Search()
    device = resolve(settings.device)
    why = unsuited(queries, lenders, settings)
    if not why:
        found = approximate_nearest(queries, lenders, min(k, len(lenders)), settings)
        if found is not None:
            return found
        why = f"no approximate search was proven to find {settings.recall:g}"
    found = exact_nearest(queries, lenders, k, device)
    return replace(found, method={**found.method, "because": why})

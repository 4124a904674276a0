"""Step 2, *re-rank*: candidates by how well their windows fit when time may be warped."""

from mmbind.binding.rerank.correlation import blended, warped_correlation, warped_views

__all__ = ["blended", "warped_correlation", "warped_views"]

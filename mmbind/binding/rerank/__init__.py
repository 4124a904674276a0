"""Step 2, *re-rank*: candidates by how well their windows fit when time may be warped."""

from mmbind.binding.rerank.correlation import Blend, warped_beside, warped_correlation, warped_views

__all__ = ["Blend", "warped_beside", "warped_correlation", "warped_views"]

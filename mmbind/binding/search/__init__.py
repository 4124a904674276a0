"""Step 1, *propose*: the nearest lenders of every query by cosine."""

from mmbind.binding.search.candidates import Candidates
from mmbind.binding.search.search import nearest

__all__ = ["Candidates", "nearest"]

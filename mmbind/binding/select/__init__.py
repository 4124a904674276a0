"""Step 3, *select*: from the graph of candidates to partners, one rule per file."""

from mmbind.binding.select.base import NO_CANDIDATE, Rule, Selection
from mmbind.binding.select.registry import build_rule

__all__ = ["NO_CANDIDATE", "Rule", "Selection", "build_rule"]
